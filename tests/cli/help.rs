//! What the command says of itself.

use std::fs;
use std::process::Command;

use snapbox::str;

use crate::support::{Sandbox, shows};

#[test]
fn the_command_explains_itself() {
    let sandbox = Sandbox::empty();
    shows(
        sandbox.sepia("--help"),
        str![[r#"
Look into Sepia stores, and look after them

A store is a directory of plain files: one for each object, by class and id; or a SQLite database
with the same objects, named by a URL (sqlite:data.db). Objects are named like their paths:
Class/id, also with the path of a store's directory in front (./data/Board/work), or by their id
alone if only one class has it. In classes that keep generations, an id without its number means the
newest.

Usage: sepia [OPTIONS] <COMMAND>

Commands:
  ls           List the classes, or the objects of a class
  tree         Draw an object with all that it holds and links to
  show         Show what objects hold
  versions     List the generations of an object, oldest first
  diff         Show how two objects differ
  links        List what an object links to
  backlinks    List what links to an object
  find         Find a text in ids, values and contents
  graph        Print objects and their links as a Graphviz graph
  stats        Count objects, generations and bytes
  set          Set fields of an object
  put          Put an object that comes as JSON on standard input
  edit         Edit an object in $VISUAL or $EDITOR
  rm           Delete objects
  gc           Delete what no link leads to
  verify       Find what is wrong, and mend it
  backup       Write a backup into a file
  restore      Put what a backup holds into a store
  copy         Copy objects from one store to another
  export       Write objects as JSON Lines, for other programs
  import       Read objects from JSON Lines
  init         Make an empty store
  adopt        Take a directory that is no store yet for one
  completions  Print what a shell needs to complete the arguments
  man          Print the manual page, or write one for each command into a directory

Options:
  -h, --help
          Print help (see a summary with '-h')

  -V, --version
          Print version

Common options:
  -s, --store <PATH|URL>
          The store, as a path or URL; else the one in or above the current directory
          
          [env: SEPIA_STORE]

      --json
          Print JSON, one object a line

      --color <WHEN>
          When to use colours
          
          [default: auto]

      --assume-exclusive
          Write also where other computers may: on NFS, SMB, FUSE

      --max-record-size <SIZE>
          The most bytes of an object, like 64MiB; larger ones are neither read nor written, nor
          moved by a repair
          
          [env: SEPIA_MAX_RECORD_SIZE]
          [default: 1GiB]

Exit codes: 0 yes or done; 1 no (nothing found, different, something wrong); 2 it could not be done.

"#]],
    );
    shows(
        sandbox.sepia("-h"),
        str![[r#"
Look into Sepia stores, and look after them

Usage: sepia [OPTIONS] <COMMAND>

Commands:
  ls           List the classes, or the objects of a class
  tree         Draw an object with all that it holds and links to
  show         Show what objects hold
  versions     List the generations of an object, oldest first
  diff         Show how two objects differ
  links        List what an object links to
  backlinks    List what links to an object
  find         Find a text in ids, values and contents
  graph        Print objects and their links as a Graphviz graph
  stats        Count objects, generations and bytes
  set          Set fields of an object
  put          Put an object that comes as JSON on standard input
  edit         Edit an object in $VISUAL or $EDITOR
  rm           Delete objects
  gc           Delete what no link leads to
  verify       Find what is wrong, and mend it
  backup       Write a backup into a file
  restore      Put what a backup holds into a store
  copy         Copy objects from one store to another
  export       Write objects as JSON Lines, for other programs
  import       Read objects from JSON Lines
  init         Make an empty store
  adopt        Take a directory that is no store yet for one
  completions  Print what a shell needs to complete the arguments
  man          Print the manual page, or write one for each command into a directory

Options:
  -h, --help     Print help (see more with '--help')
  -V, --version  Print version

Common options:
  -s, --store <PATH|URL>        The store, as a path or URL; else the one in or above the current
                                directory [env: SEPIA_STORE]
      --json                    Print JSON, one object a line
      --color <WHEN>            When to use colours [default: auto]
      --assume-exclusive        Write also where other computers may: on NFS, SMB, FUSE
      --max-record-size <SIZE>  The most bytes of an object, like 64MiB; larger ones are neither
                                read nor written, nor moved by a repair [env: SEPIA_MAX_RECORD_SIZE]
                                [default: 1GiB]

Exit codes: 0 yes or done; 1 no (nothing found, different, something wrong); 2 it could not be done.

"#]],
    );
    let version = sandbox.sepia("--version").stdout();
    assert_eq!(version, format!("sepia {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn each_command_explains_itself() {
    let sandbox = Sandbox::empty();
    for (command, pinned) in [
        (
            "ls",
            str![[r#"
List the classes, or the objects of a class

With --json, one object a line: {class, kind, content, generations, records} of each class, or
{object, class, id} of each object, with --long {.., bytes, modified}.

Usage: sepia ls [OPTIONS] [CLASS]

Arguments:
  [CLASS]
          The class whose objects to list

Options:
  -l, --long
          Print sizes and times, too

  -h, --help
          Print help (see a summary with '-h')

Common options:
  -s, --store <PATH|URL>
          The store, as a path or URL; else the one in or above the current directory
          
          [env: SEPIA_STORE]

      --json
          Print JSON, one object a line

      --color <WHEN>
          When to use colours
          
          [default: auto]

      --assume-exclusive
          Write also where other computers may: on NFS, SMB, FUSE

      --max-record-size <SIZE>
          The most bytes of an object, like 64MiB; larger ones are neither read nor written, nor
          moved by a repair
          
          [env: SEPIA_MAX_RECORD_SIZE]
          [default: 1GiB]

"#]],
        ),
        (
            "tree",
            str![[r#"
Draw an object with all that it holds and links to

Follows nested containers and links. An object is drawn with what is below it once: (above) says
that it was drawn before, (cycle) that it is below itself, (deeper) that the depth has ended,
(dangling) that it is not there, (unreadable) that it is broken.

With --json, one object: {object, class, id, children}, and {name, kind, object, class, id, note,
children} of what is below, where kind is link, container, collection or stray.

Usage: sepia tree [OPTIONS] <OBJECT>

Arguments:
  <OBJECT>
          The object, or a part of one

Options:
  -c, --class <CLASS>
          Take objects as ids of this class, as they are, not encoded

  -d, --depth <LEVELS>
          How many levels to draw
          
          [default: 100]

  -h, --help
          Print help (see a summary with '-h')

Common options:
  -s, --store <PATH|URL>
          The store, as a path or URL; else the one in or above the current directory
          
          [env: SEPIA_STORE]

      --json
          Print JSON, one object a line

      --color <WHEN>
          When to use colours
          
          [default: auto]

      --assume-exclusive
          Write also where other computers may: on NFS, SMB, FUSE

      --max-record-size <SIZE>
          The most bytes of an object, like 64MiB; larger ones are neither read nor written, nor
          moved by a repair
          
          [env: SEPIA_MAX_RECORD_SIZE]
          [default: 1GiB]

"#]],
        ),
        (
            "show",
            str![[r#"
Show what objects hold

Of containers, the values and where links lead; of serializable objects, the content. Of a path that
leads on into a container (Board/work/boards), that part.

With --json, one object a line: {object, class, id, within} with {text} or {base64} of a
serializable object, and {values, entries} of a container, where entries has, by name, {class, id}
of a link, {values, entries} of a nested container and {entries} of a collection.

Usage: sepia show [OPTIONS] <OBJECTS>...

Arguments:
  <OBJECTS>...
          The objects

Options:
  -c, --class <CLASS>
          Take objects as ids of this class, as they are, not encoded

  -r, --raw
          Write the content (of a container, its data.json), byte for byte

  -h, --help
          Print help (see a summary with '-h')

Common options:
  -s, --store <PATH|URL>
          The store, as a path or URL; else the one in or above the current directory
          
          [env: SEPIA_STORE]

      --json
          Print JSON, one object a line

      --color <WHEN>
          When to use colours
          
          [default: auto]

      --assume-exclusive
          Write also where other computers may: on NFS, SMB, FUSE

      --max-record-size <SIZE>
          The most bytes of an object, like 64MiB; larger ones are neither read nor written, nor
          moved by a repair
          
          [env: SEPIA_MAX_RECORD_SIZE]
          [default: 1GiB]

"#]],
        ),
        (
            "versions",
            str![[r#"
List the generations of an object, oldest first

With --json, one object a line: {object, class, id, generation, bytes, modified}.

Usage: sepia versions [OPTIONS] <OBJECT>

Arguments:
  <OBJECT>
          The object; any of its generations will do

Options:
  -c, --class <CLASS>
          Take objects as ids of this class, as they are, not encoded

  -h, --help
          Print help (see a summary with '-h')

Common options:
  -s, --store <PATH|URL>
          The store, as a path or URL; else the one in or above the current directory
          
          [env: SEPIA_STORE]

      --json
          Print JSON, one object a line

      --color <WHEN>
          When to use colours
          
          [default: auto]

      --assume-exclusive
          Write also where other computers may: on NFS, SMB, FUSE

      --max-record-size <SIZE>
          The most bytes of an object, like 64MiB; larger ones are neither read nor written, nor
          moved by a repair
          
          [env: SEPIA_MAX_RECORD_SIZE]
          [default: 1GiB]

"#]],
        ),
        (
            "diff",
            str![[r#"
Show how two objects differ

Two generations or any two objects, or parts of them: field by field, long values and texts line by
line. Lists are compared as such: an element that has moved is told from one that has changed.

With --json, one object a line: {field, change, from, to}, where change is added, removed or
changed. Exits with 1 if they differ.

Usage: sepia diff [OPTIONS] <FROM> <TO>

Arguments:
  <FROM>
          One object

  <TO>
          The other

Options:
  -c, --class <CLASS>
          Take objects as ids of this class, as they are, not encoded

  -h, --help
          Print help (see a summary with '-h')

Common options:
  -s, --store <PATH|URL>
          The store, as a path or URL; else the one in or above the current directory
          
          [env: SEPIA_STORE]

      --json
          Print JSON, one object a line

      --color <WHEN>
          When to use colours
          
          [default: auto]

      --assume-exclusive
          Write also where other computers may: on NFS, SMB, FUSE

      --max-record-size <SIZE>
          The most bytes of an object, like 64MiB; larger ones are neither read nor written, nor
          moved by a repair
          
          [env: SEPIA_MAX_RECORD_SIZE]
          [default: 1GiB]

"#]],
        ),
        (
            "links",
            str![[r#"
List what an object links to

With --json, one object a line: {field, object, class, id, dangling}. Exits with 1 if it links to
nothing.

Usage: sepia links [OPTIONS] <OBJECT>

Arguments:
  <OBJECT>
          The object, or a nested container

Options:
  -c, --class <CLASS>
          Take objects as ids of this class, as they are, not encoded

  -h, --help
          Print help (see a summary with '-h')

Common options:
  -s, --store <PATH|URL>
          The store, as a path or URL; else the one in or above the current directory
          
          [env: SEPIA_STORE]

      --json
          Print JSON, one object a line

      --color <WHEN>
          When to use colours
          
          [default: auto]

      --assume-exclusive
          Write also where other computers may: on NFS, SMB, FUSE

      --max-record-size <SIZE>
          The most bytes of an object, like 64MiB; larger ones are neither read nor written, nor
          moved by a repair
          
          [env: SEPIA_MAX_RECORD_SIZE]
          [default: 1GiB]

"#]],
        ),
        (
            "backlinks",
            str![[r#"
List what links to an object

Looks at every container of the store. What links to the object without a generation links to its
newest. An object that is not there may still be linked to: it is asked for by its exact id.

With --json, one object a line: {field, object, class, id}. Exits with 1 if nothing links to it.

Usage: sepia backlinks [OPTIONS] <OBJECT>

Arguments:
  <OBJECT>
          The object

Options:
  -c, --class <CLASS>
          Take objects as ids of this class, as they are, not encoded

  -h, --help
          Print help (see a summary with '-h')

Common options:
  -s, --store <PATH|URL>
          The store, as a path or URL; else the one in or above the current directory
          
          [env: SEPIA_STORE]

      --json
          Print JSON, one object a line

      --color <WHEN>
          When to use colours
          
          [default: auto]

      --assume-exclusive
          Write also where other computers may: on NFS, SMB, FUSE

      --max-record-size <SIZE>
          The most bytes of an object, like 64MiB; larger ones are neither read nor written, nor
          moved by a repair
          
          [env: SEPIA_MAX_RECORD_SIZE]
          [default: 1GiB]

"#]],
        ),
        (
            "find",
            str![[r#"
Find a text in ids, values and contents

With --json, one object a line: {object, class, id, in, field, line, text}, where in is id, value or
content; with --list or --ids only {object, class, id}. Exits with 1 if nothing is found.

Usage: sepia find [OPTIONS] <TEXT>

Arguments:
  <TEXT>
          The text

Options:
  -i, --ignore-case
          Take capital and small letters for the same

      --ids
          Look at ids only, and print them

  -c, --class <CLASS>
          Look at the objects of this class only

  -l, --list
          Print each object once, and nothing else

  -h, --help
          Print help (see a summary with '-h')

Common options:
  -s, --store <PATH|URL>
          The store, as a path or URL; else the one in or above the current directory
          
          [env: SEPIA_STORE]

      --json
          Print JSON, one object a line

      --color <WHEN>
          When to use colours
          
          [default: auto]

      --assume-exclusive
          Write also where other computers may: on NFS, SMB, FUSE

      --max-record-size <SIZE>
          The most bytes of an object, like 64MiB; larger ones are neither read nor written, nor
          moved by a repair
          
          [env: SEPIA_MAX_RECORD_SIZE]
          [default: 1GiB]

"#]],
        ),
        (
            "graph",
            str![[r#"
Print objects and their links as a Graphviz graph

`sepia graph Board/work | dot -Tsvg > work.svg` draws it. Serializable objects are notes, objects
that are not there are red and dashed.

With --json, one object: {nodes: [{object, class, id, dangling}], edges: [{from, to}], complete}.

Usage: sepia graph [OPTIONS] [OBJECTS]...

Arguments:
  [OBJECTS]...
          Where to begin; everything if there is none

Options:
  -c, --class <CLASS>
          Take objects as ids of this class, as they are, not encoded

  -r, --reverse
          Follow links backwards: who depends on it

  -d, --depth <LINKS>
          How many links to follow from where it begins

      --limit <OBJECTS>
          The most objects to draw
          
          [default: 1000]

  -h, --help
          Print help (see a summary with '-h')

Common options:
  -s, --store <PATH|URL>
          The store, as a path or URL; else the one in or above the current directory
          
          [env: SEPIA_STORE]

      --json
          Print JSON, one object a line

      --color <WHEN>
          When to use colours
          
          [default: auto]

      --assume-exclusive
          Write also where other computers may: on NFS, SMB, FUSE

      --max-record-size <SIZE>
          The most bytes of an object, like 64MiB; larger ones are neither read nor written, nor
          moved by a repair
          
          [env: SEPIA_MAX_RECORD_SIZE]
          [default: 1GiB]

"#]],
        ),
        (
            "stats",
            str![[r#"
Count objects, generations and bytes

The bytes are those of contents and values, as `ls --long` says them.

With --json, one object: {classes: [{class, objects, records, bytes}], objects, records, bytes,
largest: [{object, class, id, bytes}], journal}.

Usage: sepia stats [OPTIONS]

Options:
      --largest <OBJECTS>
          How many of the largest to name
          
          [default: 5]

  -h, --help
          Print help (see a summary with '-h')

Common options:
  -s, --store <PATH|URL>
          The store, as a path or URL; else the one in or above the current directory
          
          [env: SEPIA_STORE]

      --json
          Print JSON, one object a line

      --color <WHEN>
          When to use colours
          
          [default: auto]

      --assume-exclusive
          Write also where other computers may: on NFS, SMB, FUSE

      --max-record-size <SIZE>
          The most bytes of an object, like 64MiB; larger ones are neither read nor written, nor
          moved by a repair
          
          [env: SEPIA_MAX_RECORD_SIZE]
          [default: 1GiB]

"#]],
        ),
        (
            "set",
            str![[r#"
Set fields of an object

Of a container, or the nested one to which a path leads (Board/work/boards/0000_x), or of a
serializable object of JSON content. A VALUE is JSON if it is (null, 1.50, '["a"]'), and a text
otherwise. All of it is saved at once, or nothing: not if the object was changed meanwhile, and not
if it could no longer be loaded. In classes that keep generations, the newest is changed and the
result is the next.

With --json, one object: {object, class, id, changed}.

Usage: sepia set [OPTIONS] <OBJECT> [FIELD=VALUE]...

Arguments:
  <OBJECT>
          The object, or a nested container

  [FIELD=VALUE]...
          What to set: fields that are there

Options:
  -c, --class <CLASS>
          Take objects as ids of this class, as they are, not encoded

      --string <FIELD=TEXT>
          Set a field to a text, whatever it looks like

      --link <FIELD=OBJECT>
          Set a field to a link to an object

      --remove <FIELD>
          Remove a field, or an element of a collection (boards/0000_x)

      --new
          Set also values that are not there yet

      --in-place
          Change the generation itself, rather than making the next

  -h, --help
          Print help (see a summary with '-h')

Common options:
  -s, --store <PATH|URL>
          The store, as a path or URL; else the one in or above the current directory
          
          [env: SEPIA_STORE]

      --json
          Print JSON, one object a line

      --color <WHEN>
          When to use colours
          
          [default: auto]

      --assume-exclusive
          Write also where other computers may: on NFS, SMB, FUSE

      --max-record-size <SIZE>
          The most bytes of an object, like 64MiB; larger ones are neither read nor written, nor
          moved by a repair
          
          [env: SEPIA_MAX_RECORD_SIZE]
          [default: 1GiB]

"#]],
        ),
        (
            "put",
            str![[r#"
Put an object that comes as JSON on standard input

In the form in which `sepia show --json` prints it: {text}, {base64} or {values} of a serializable
object, {values, entries} of a container; {object, class, id} may be there and say nothing. The
class must be known to the store. What could not be loaded is not saved. In classes that keep
generations, what replaces an object becomes the next one.

With --json, one object: {object, class, id, changed}.

Usage: sepia put [OPTIONS] <OBJECT>

Arguments:
  <OBJECT>
          The object

Options:
  -c, --class <CLASS>
          Take objects as ids of this class, as they are, not encoded

      --replace
          Replace the object if it is there

      --in-place
          Replace the generation itself, rather than making the next

  -h, --help
          Print help (see a summary with '-h')

Common options:
  -s, --store <PATH|URL>
          The store, as a path or URL; else the one in or above the current directory
          
          [env: SEPIA_STORE]

      --json
          Print JSON, one object a line

      --color <WHEN>
          When to use colours
          
          [default: auto]

      --assume-exclusive
          Write also where other computers may: on NFS, SMB, FUSE

      --max-record-size <SIZE>
          The most bytes of an object, like 64MiB; larger ones are neither read nor written, nor
          moved by a repair
          
          [env: SEPIA_MAX_RECORD_SIZE]
          [default: 1GiB]

"#]],
        ),
        (
            "edit",
            str![[r#"
Edit an object in $VISUAL or $EDITOR

The content of a serializable object; the data.json of a container, or of the nested one to which a
path leads (Board/work/boards/0000_x). What comes out of the editor is checked and saved, unless the
object was changed meanwhile; if it is refused, the text is kept. In classes that keep generations,
the newest is edited and the result is the next.

With --json, one object: {object, class, id, changed}.

Usage: sepia edit [OPTIONS] <OBJECT>

Arguments:
  <OBJECT>
          The object, or a nested container

Options:
  -c, --class <CLASS>
          Take objects as ids of this class, as they are, not encoded

      --in-place
          Change the generation itself, rather than making the next

  -h, --help
          Print help (see a summary with '-h')

Common options:
  -s, --store <PATH|URL>
          The store, as a path or URL; else the one in or above the current directory
          
          [env: SEPIA_STORE]

      --json
          Print JSON, one object a line

      --color <WHEN>
          When to use colours
          
          [default: auto]

      --assume-exclusive
          Write also where other computers may: on NFS, SMB, FUSE

      --max-record-size <SIZE>
          The most bytes of an object, like 64MiB; larger ones are neither read nor written, nor
          moved by a repair
          
          [env: SEPIA_MAX_RECORD_SIZE]
          [default: 1GiB]

"#]],
        ),
        (
            "rm",
            str![[r#"
Delete objects

In classes that keep generations, an id without its number means all of them. What the objects link
to stays. What still links to them could no longer be loaded, so that is refused without --force.
All of them are deleted, or none.

With --json, one object a line: {object, class, id}.

Usage: sepia rm [OPTIONS] <OBJECTS>...

Arguments:
  <OBJECTS>...
          The objects

Options:
  -c, --class <CLASS>
          Take objects as ids of this class, as they are, not encoded

  -y, --yes
          Do not ask

  -f, --force
          Delete what is linked to, too

  -n, --dry-run
          Only say what would be deleted

  -h, --help
          Print help (see a summary with '-h')

Common options:
  -s, --store <PATH|URL>
          The store, as a path or URL; else the one in or above the current directory
          
          [env: SEPIA_STORE]

      --json
          Print JSON, one object a line

      --color <WHEN>
          When to use colours
          
          [default: auto]

      --assume-exclusive
          Write also where other computers may: on NFS, SMB, FUSE

      --max-record-size <SIZE>
          The most bytes of an object, like 64MiB; larger ones are neither read nor written, nor
          moved by a repair
          
          [env: SEPIA_MAX_RECORD_SIZE]
          [default: 1GiB]

"#]],
        ),
        (
            "gc",
            str![[r#"
Delete what no link leads to

Follows links from the roots: objects, and whole classes. Others can use the store meanwhile; what
was saved within the last hour is spared, as it may be linked later (--grace).

With --json, one object: {dry_run, live, swept, bytes, classes: [{class, live, spared, swept,
pruned, bytes}], dangling: [{from, to}], refused: [{object, class, id}], ahead: [..], list: [..]}.
Exits with 1 if links dangle or something could not be deleted.

Usage: sepia gc [OPTIONS] [ROOT]...

Arguments:
  [ROOT]...
          What stays, with all that it leads to: Class/id, or a class

Options:
      --everything
          Go ahead without roots: delete everything

  -n, --dry-run
          Only say what would be deleted

  -l, --list
          List what is deleted

      --keep-generations <NUMBER>
          Keep only the newest of each object's generations, this many

      --older-than <AGE>
          Spare what was changed since: 2d, 12h

      --grace <AGE>
          Spare what was saved since and may yet be linked [default: 1h]

  -h, --help
          Print help (see a summary with '-h')

Common options:
  -s, --store <PATH|URL>
          The store, as a path or URL; else the one in or above the current directory
          
          [env: SEPIA_STORE]

      --json
          Print JSON, one object a line

      --color <WHEN>
          When to use colours
          
          [default: auto]

      --assume-exclusive
          Write also where other computers may: on NFS, SMB, FUSE

      --max-record-size <SIZE>
          The most bytes of an object, like 64MiB; larger ones are neither read nor written, nor
          moved by a repair
          
          [env: SEPIA_MAX_RECORD_SIZE]
          [default: 1GiB]

"#]],
        ),
        (
            "verify",
            str![[r#"
Find what is wrong, and mend it

Reads everything: dangling links, broken values, files in the wrong places, leftovers of programs
that died, and, in a store with checksums, what the disk has changed. --repair mends it without
losing anything: what has to go is moved into .sepia/quarantine. What only your program knows is
left: whether a field may be missing whose link dangles, and whether names with gaps in their
numbers are those of a list.

With --json, one object: {records, bytes, checked, unchecked, noted, clean, problems: [{kind,
severity, object, path, message, mended, refused}]}. Exits with 1 if something is wrong and not
mended.

Usage: sepia verify [OPTIONS]

Options:
      --repair
          Mend what is wrong

      --remove-dangling
          Also remove dangling links that are a field by themselves; an object that needs the field
          cannot be loaded then

  -q, --quiet
          Do not print what is only worth knowing

  -h, --help
          Print help (see a summary with '-h')

Common options:
  -s, --store <PATH|URL>
          The store, as a path or URL; else the one in or above the current directory
          
          [env: SEPIA_STORE]

      --json
          Print JSON, one object a line

      --color <WHEN>
          When to use colours
          
          [default: auto]

      --assume-exclusive
          Write also where other computers may: on NFS, SMB, FUSE

      --max-record-size <SIZE>
          The most bytes of an object, like 64MiB; larger ones are neither read nor written, nor
          moved by a repair
          
          [env: SEPIA_MAX_RECORD_SIZE]
          [default: 1GiB]

"#]],
        ),
        (
            "backup",
            str![[r#"
Write a backup into a file

A tar archive of one moment of the store, also while others write: `tar tvf` lists it, and what `tar
x` makes of its objects directory is a store. If it fails, what was in the file stays.

The file is for its owner alone, unless the store is shared, or the file was there already.

With --json, one object: {records, included, bytes, strays, hidden}.

Usage: sepia backup [OPTIONS] <FILE>

Arguments:
  <FILE>
          The file; - for standard output

Options:
      --root <ROOT>
          Back up only this object or class, with all that it leads to; may be repeated

      --since <FILE>
          Leave out what has not changed since this earlier backup, which is needed, too, to restore
          it

      --zstd[=<LEVEL>]
          Compress it; 1 is fast, 22 is small

  -h, --help
          Print help (see a summary with '-h')

Common options:
  -s, --store <PATH|URL>
          The store, as a path or URL; else the one in or above the current directory
          
          [env: SEPIA_STORE]

      --json
          Print JSON, one object a line

      --color <WHEN>
          When to use colours
          
          [default: auto]

      --assume-exclusive
          Write also where other computers may: on NFS, SMB, FUSE

      --max-record-size <SIZE>
          The most bytes of an object, like 64MiB; larger ones are neither read nor written, nor
          moved by a repair
          
          [env: SEPIA_MAX_RECORD_SIZE]
          [default: 1GiB]

"#]],
        ),
        (
            "restore",
            str![[r#"
Put what a backup holds into a store

The store is made if it is not there. What is stored beside stays. All files are verified before
anything is written. What is restored over a file keeps that one's permissions; what was hidden from
other users is for the owner alone, and all else has the permissions of any new object. Of a backup
that leaves out what an earlier one has (--since), name the earlier ones, too, in any order.

With --json, one object: {added, replaced, equal, kept, bytes, strays}; with --list one a line:
{object, class, id, kind, bytes, included}; with --verify one a file: {file, intact, records}. Exits
with 1 if a file is not intact.

Usage: sepia restore [OPTIONS] <FILE>...

Arguments:
  <FILE>...
          The backup, and those that it was made since

Options:
      --on-conflict <RULE>
          What becomes of objects that are stored with another content

          Possible values:
          - fail:    Write nothing at all
          - keep:    What is stored stays
          - replace: What comes takes its place
          - newest:  Add the generations that are missing, and keep what the side with the newer one
            has
          
          [default: fail]

  -l, --list
          Only list what is in it

      --verify
          Only look whether it is intact

  -h, --help
          Print help (see a summary with '-h')

Common options:
  -s, --store <PATH|URL>
          The store, as a path or URL; else the one in or above the current directory
          
          [env: SEPIA_STORE]

      --json
          Print JSON, one object a line

      --color <WHEN>
          When to use colours
          
          [default: auto]

      --assume-exclusive
          Write also where other computers may: on NFS, SMB, FUSE

      --max-record-size <SIZE>
          The most bytes of an object, like 64MiB; larger ones are neither read nor written, nor
          moved by a repair
          
          [env: SEPIA_MAX_RECORD_SIZE]
          [default: 1GiB]

"#]],
        ),
        (
            "copy",
            str![[r#"
Copy objects from one store to another

Whatever the stores are: directories of files, or databases (sqlite:data.db). Others can use both
meanwhile; what is copied is one moment of the first. What is there already is not written again, so
a copy that was interrupted goes on where it was.

With --json, one object: {added, replaced, equal, kept, bytes, strays}.

Usage: sepia copy [OPTIONS] <FROM> <TO>

Arguments:
  <FROM>
          The store to read, as a path or URL

  <TO>
          The store to write; it is made if it is not there

Options:
      --root <ROOT>
          Copy only this object or class, with all that it leads to; may be repeated

      --on-conflict <RULE>
          What becomes of objects that are there with another content

          Possible values:
          - fail:    Write nothing at all
          - keep:    What is stored stays
          - replace: What comes takes its place
          - newest:  Add the generations that are missing, and keep what the side with the newer one
            has
          
          [default: fail]

  -h, --help
          Print help (see a summary with '-h')

Common options:
  -s, --store <PATH|URL>
          The store, as a path or URL; else the one in or above the current directory
          
          [env: SEPIA_STORE]

      --json
          Print JSON, one object a line

      --color <WHEN>
          When to use colours
          
          [default: auto]

      --assume-exclusive
          Write also where other computers may: on NFS, SMB, FUSE

      --max-record-size <SIZE>
          The most bytes of an object, like 64MiB; larger ones are neither read nor written, nor
          moved by a repair
          
          [env: SEPIA_MAX_RECORD_SIZE]
          [default: 1GiB]

"#]],
        ),
        (
            "export",
            str![[r#"
Write objects as JSON Lines, for other programs

One moment of the store, also while others write: a line with the classes, then one for each object,
from which `sepia import` makes exactly the same.

The file is for its owner alone, unless the store is shared, or the file was there already.

With --json, and a file, one object: {records, strays}.

Usage: sepia export [OPTIONS] [FILE]

Arguments:
  [FILE]
          The file; else standard output

Options:
      --root <ROOT>
          Export only this object or class, with all that it leads to; may be repeated

  -h, --help
          Print help (see a summary with '-h')

Common options:
  -s, --store <PATH|URL>
          The store, as a path or URL; else the one in or above the current directory
          
          [env: SEPIA_STORE]

      --json
          Print JSON, one object a line

      --color <WHEN>
          When to use colours
          
          [default: auto]

      --assume-exclusive
          Write also where other computers may: on NFS, SMB, FUSE

      --max-record-size <SIZE>
          The most bytes of an object, like 64MiB; larger ones are neither read nor written, nor
          moved by a repair
          
          [env: SEPIA_MAX_RECORD_SIZE]
          [default: 1GiB]

"#]],
        ),
        (
            "import",
            str![[r#"
Read objects from JSON Lines

As `sepia export` writes them, or another program does. The store is made if it is not there; what
is stored beside stays. All lines are checked before anything is written.

With --json, one object: {added, replaced, equal, kept, bytes, strays}.

Usage: sepia import [OPTIONS] [FILE]

Arguments:
  [FILE]
          The file; else standard input

Options:
      --on-conflict <RULE>
          What becomes of objects that are stored with another content

          Possible values:
          - fail:    Write nothing at all
          - keep:    What is stored stays
          - replace: What comes takes its place
          - newest:  Add the generations that are missing, and keep what the side with the newer one
            has
          
          [default: fail]

  -h, --help
          Print help (see a summary with '-h')

Common options:
  -s, --store <PATH|URL>
          The store, as a path or URL; else the one in or above the current directory
          
          [env: SEPIA_STORE]

      --json
          Print JSON, one object a line

      --color <WHEN>
          When to use colours
          
          [default: auto]

      --assume-exclusive
          Write also where other computers may: on NFS, SMB, FUSE

      --max-record-size <SIZE>
          The most bytes of an object, like 64MiB; larger ones are neither read nor written, nor
          moved by a repair
          
          [env: SEPIA_MAX_RECORD_SIZE]
          [default: 1GiB]

"#]],
        ),
        (
            "init",
            str![[r#"
Make an empty store

The directory, or the file of a database (sqlite:data.db), is made if it is not there, and must be
empty otherwise. A store stays as it is. Nobody but its owner can open it, unless it is shared.

With --json, one object: {store, made}.

Usage: sepia init [OPTIONS] [PATH|URL]

Arguments:
  [PATH|URL]
          The store, as a path or URL; else what --store says, else the current directory

Options:
      --checksums
          Keep checksums of all objects, so that `sepia verify` finds what the disk has changed; a
          store that is there keeps them from now on

      --shared[=<WHOM>]
          Share the store, with the group that its directory or database belongs to (the default),
          or with all users, who may only read it then; a store that is there is shared from now on

          Possible values:
          - group: The members of the group read and write it
          - all:   They do, and everybody reads it

  -h, --help
          Print help (see a summary with '-h')

Common options:
  -s, --store <PATH|URL>
          The store, as a path or URL; else the one in or above the current directory
          
          [env: SEPIA_STORE]

      --json
          Print JSON, one object a line

      --color <WHEN>
          When to use colours
          
          [default: auto]

      --assume-exclusive
          Write also where other computers may: on NFS, SMB, FUSE

      --max-record-size <SIZE>
          The most bytes of an object, like 64MiB; larger ones are neither read nor written, nor
          moved by a repair
          
          [env: SEPIA_MAX_RECORD_SIZE]
          [default: 1GiB]

"#]],
        ),
        (
            "adopt",
            str![[r#"
Take a directory that is no store yet for one

One that the Crystal original wrote, or that was laid out by hand: each directory in it becomes a
class, of containers if it holds directories with a data.json, of serializable objects if it holds
files. Nothing is moved or rewritten. A store stays as it is.

With --json, one object: {store, adopted, classes: [{class, kind}]}.

Usage: sepia adopt [OPTIONS] <PATH>

Arguments:
  <PATH>
          The directory

Options:
  -h, --help
          Print help (see a summary with '-h')

Common options:
  -s, --store <PATH|URL>
          The store, as a path or URL; else the one in or above the current directory
          
          [env: SEPIA_STORE]

      --json
          Print JSON, one object a line

      --color <WHEN>
          When to use colours
          
          [default: auto]

      --assume-exclusive
          Write also where other computers may: on NFS, SMB, FUSE

      --max-record-size <SIZE>
          The most bytes of an object, like 64MiB; larger ones are neither read nor written, nor
          moved by a repair
          
          [env: SEPIA_MAX_RECORD_SIZE]
          [default: 1GiB]

"#]],
        ),
        (
            "completions",
            str![[r#"
Print what a shell needs to complete the arguments

For example, `sepia completions bash > ~/.local/share/bash-completion/completions/sepia`. Objects
complete as paths: sepia show ./data/Bo<TAB>.

Usage: sepia completions [OPTIONS] <SHELL>

Arguments:
  <SHELL>
          The shell
          
          [possible values: bash, elvish, fish, powershell, zsh]

Options:
  -h, --help
          Print help (see a summary with '-h')

Common options:
  -s, --store <PATH|URL>
          The store, as a path or URL; else the one in or above the current directory
          
          [env: SEPIA_STORE]

      --json
          Print JSON, one object a line

      --color <WHEN>
          When to use colours
          
          [default: auto]

      --assume-exclusive
          Write also where other computers may: on NFS, SMB, FUSE

      --max-record-size <SIZE>
          The most bytes of an object, like 64MiB; larger ones are neither read nor written, nor
          moved by a repair
          
          [env: SEPIA_MAX_RECORD_SIZE]
          [default: 1GiB]

"#]],
        ),
        (
            "man",
            str![[r#"
Print the manual page, or write one for each command into a directory

Usage: sepia man [OPTIONS] [DIRECTORY]

Arguments:
  [DIRECTORY]  The directory; it is made if it is not there

Options:
  -h, --help  Print help

Common options:
  -s, --store <PATH|URL>        The store, as a path or URL; else the one in or above the current
                                directory [env: SEPIA_STORE]
      --json                    Print JSON, one object a line
      --color <WHEN>            When to use colours [default: auto]
      --assume-exclusive        Write also where other computers may: on NFS, SMB, FUSE
      --max-record-size <SIZE>  The most bytes of an object, like 64MiB; larger ones are neither
                                read nor written, nor moved by a repair [env: SEPIA_MAX_RECORD_SIZE]
                                [default: 1GiB]

"#]],
        ),
    ] {
        // What every command takes is pinned above.
        let help = sandbox.sepia(&format!("{command} --help")).stdout();
        shows(help, pinned);
    }
}

#[test]
fn wrong_arguments_are_explained() {
    let sandbox = Sandbox::empty();
    shows(
        sandbox.sepia("sohw a"),
        str![[r#"
error: unrecognized subcommand 'sohw'

  tip: a similar subcommand exists: 'show'

Usage: sepia [OPTIONS] <COMMAND>

For more information, try '--help'.
=> 2

"#]],
    );
    shows(
        sandbox.sepia("show"),
        str![[r#"
error: the following required arguments were not provided:
  <OBJECTS>...

Usage: sepia show --store <PATH|URL> <OBJECTS>...

For more information, try '--help'.
=> 2

"#]],
    );
    shows(
        sandbox.sepia("tree a --depth 100000"),
        str![[r#"
error: invalid value '100000' for '--depth <LEVELS>': 100000 is not in 0..=1000

For more information, try '--help'.
=> 2

"#]],
    );
    assert_eq!(sandbox.sepia("").code(), 2);
}

#[test]
fn shells_complete() {
    let sandbox = Sandbox::empty();
    for (shell, check) in [
        ("bash", &["bash", "-n"][..]),
        ("zsh", &["zsh", "-n"]),
        ("fish", &["fish", "-n"]),
        ("elvish", &[]),
        ("powershell", &[]),
    ] {
        let script = sandbox.sepia(&format!("completions {shell}"));
        assert_eq!((script.code(), script.stderr().as_str()), (0, ""), "{shell}");
        assert!(script.stdout().contains("backlinks"), "{shell}");
        // Objects are paths.
        assert!(shell != "zsh" || script.stdout().contains(":objects -- The objects:_files"), "{script}");
        sandbox.write("script", script.stdout());
        // Where the shell is there, it says whether it can read this.
        let [program, arguments @ ..] = check else { continue };
        if let Ok(status) = Command::new(program).args(arguments).arg(sandbox.path("script")).status() {
            assert!(status.success(), "{shell}");
        }
    }
}

#[test]
fn there_are_manual_pages() {
    let sandbox = Sandbox::empty();
    assert!(sandbox.sepia("man").stdout().contains(".TH sepia 1"));
    shows(
        sandbox.sepia("man pages/man1"),
        str![[r#"
see pages/man1/sepia.1

"#]],
    );
    let mut pages: Vec<_> =
        fs::read_dir(sandbox.path("pages/man1")).unwrap().map(|page| page.unwrap().file_name()).collect();
    pages.sort();
    assert!(pages.len() > 15 && pages.iter().any(|page| page == "sepia-backlinks.1"), "{pages:?}");
    for page in pages {
        let text = fs::read_to_string(sandbox.path("pages/man1").join(page)).unwrap();
        assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"));
    }
}
