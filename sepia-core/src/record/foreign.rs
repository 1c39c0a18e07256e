//! What other programs leave beside the files of a store, told by its name: editors, file managers, and programs that
//! sync. The list is closed, and docs/format.md has it.

/// How many letters and digits `sed -i` puts behind `sed` to name a temporary file.
const SED_RANDOM: usize = 6;

/// What file managers keep in every directory, in lower case.
const FILE_MANAGERS: [&str; 4] = ["thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini"];

/// Texts about a directory, in lower case and without their extension.
const TEXTS: [&str; 3] = ["readme", "license", "licence"];

/// What is put behind the name of a file that was kept before it was changed, or is being changed.
const SUFFIXES: [&str; 7] = [".bak", ".old", ".orig", ".rej", ".save", ".swp", ".tmp"];

/// Whether a regular file of this name in a container is another program's. `name` is one that a text has, and not
/// `data.json`.
///
/// A file that stands for a link, as version control makes one where there are no symlinks, has no such name.
pub(crate) fn is_foreign_file(name: &str) -> bool {
    is_beside_data(name) || is_temporary(name) || is_of_file_manager(name) || conflict_copy(name).is_some()
}

/// Whether this is another version of `data.json`, kept beside it: `data.json.bak`, `data.json.swp`.
pub(crate) fn is_beside_data(name: &str) -> bool {
    const DATA: &[u8] = crate::record::name::DATA.as_bytes();
    match name.as_bytes().split_at_checked(DATA.len()) {
        Some((start, [next, ..])) => start.eq_ignore_ascii_case(DATA) && !next.is_ascii_alphanumeric(),
        _ => false,
    }
}

/// Whether this is the temporary file of an editor.
fn is_temporary(name: &str) -> bool {
    // Vim tries with 4913 whether it can make files; `#…#` is what Emacs saves by itself; `~$…` is the lock of an
    // office program; `~syncthing~….tmp` is a file that is under way.
    let is_enclosed = name.len() > 2 && name.starts_with('#') && name.ends_with('#');
    let is_under_way = name.starts_with("~syncthing~") && name.ends_with(".tmp");
    name == "4913" || is_enclosed || name.starts_with("~$") || is_under_way || is_of_sed(name)
}

/// Whether `sed -i` may have made this. Words are no such names: they are in lower case.
fn is_of_sed(name: &str) -> bool {
    name.strip_prefix("sed").is_some_and(|random| {
        random.len() == SED_RANDOM
            && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && !random.bytes().all(|byte| byte.is_ascii_lowercase())
    })
}

fn is_of_file_manager(name: &str) -> bool {
    FILE_MANAGERS.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Whether an object of this id is likely to be another program's file, or a text about the directory, that got among
/// the objects.
pub(crate) fn is_unlikely_id(id: &str) -> bool {
    let stem = id.split_once('.').map_or(id, |(stem, _)| stem);
    is_beside_data(id)
        || is_temporary(id)
        || is_of_file_manager(id)
        || TEXTS.iter().any(|known| stem.eq_ignore_ascii_case(known))
}

/// What is said of a file among the objects that is likely to be none.
pub(crate) const ADVICE: &str =
    "every file in the directory of a class is an object: if this one is none, move it out of the directory";

/// Whether a file of a class of JSON is likely to be no object: its content does not even begin as one.
pub(crate) fn is_unlikely_content(content: &[u8]) -> bool {
    content.trim_ascii_start().first().is_some_and(|first| first.is_ascii() && *first != b'{')
}

/// Returns the id of the object of which this one, by its id, may be an earlier version that a program has kept.
pub(crate) fn kept_version(id: &str) -> Option<&str> {
    SUFFIXES.iter().find_map(|suffix| id.strip_suffix(suffix)).filter(|original| !original.is_empty())
}

/// Returns the name of the original of what a program that syncs has put aside, as two have changed it at once.
///
/// Known are the names of Syncthing, Dropbox, Nextcloud and ownCloud, Seafile and pCloud. Others put a number or the
/// name of a computer behind a name, as people do.
pub(crate) fn conflict_copy(name: &str) -> Option<String> {
    dated(name, ".sync-conflict-").or_else(|| dated(name, "_conflict-")).or_else(|| bracketed(name))
}

/// `report.sync-conflict-20260101-101112-ABCDEFG.txt`, `report_conflict-20260101-101112.txt`.
fn dated(name: &str, mark: &str) -> Option<String> {
    let (stem, rest) = name.split_once(mark).filter(|(stem, _)| !stem.is_empty())?;
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let (stamp, extension) = split_extension(rest);
    let mut parts = stamp.split('-');
    let is_stamp = parts.next().is_some_and(|date| digits(date, 8))
        && parts.next().is_none_or(|time| digits(time, 6))
        && parts.next().is_none_or(|device| {
            device.len() == 7 && device.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        })
        && parts.next().is_none();
    is_stamp.then(|| format!("{stem}{extension}"))
}

/// `report (conflicted copy 2026-01-01).txt`, `report (Case Conflict).txt`, `report [conflicted].txt`.
fn bracketed(name: &str) -> Option<String> {
    let within = |open: &str, close: char, is_mark: fn(&str) -> bool| {
        let (stem, rest) = name.rsplit_once(open).filter(|(stem, _)| !stem.is_empty())?;
        let (mark, extension) = rest.split_once(close)?;
        let is_extension = extension.is_empty() || extension.starts_with('.');
        (is_extension && is_mark(mark)).then(|| format!("{stem}{extension}"))
    };
    within(" (", ')', is_mark).or_else(|| within(" [", ']', |mark| without_number(mark) == "conflicted"))
}

/// Whether this, in brackets, tells a conflict: `conflicted copy 2026-01-01 101112`, `Anna's conflicted copy
/// 2026-01-01`, `Case Conflict 1`, `case clash from Anna`, `SFConflict anna@example.org 2026-01-01-10-11-12`.
fn is_mark(mark: &str) -> bool {
    const COPY: &str = "conflicted copy";
    const KINDS: [&str; 4] = ["Case", "Unicode Encoding", "Whitespace", "Selective Sync"];
    let is_copy = mark.split_once(COPY).is_some_and(|(owner, when)| {
        let is_owned = owner.is_empty() || owner.ends_with(' ');
        is_owned && (when.is_empty() || when.starts_with(" 1") || when.starts_with(" 2"))
    });
    let is_kind = || without_number(mark).strip_suffix(" Conflict").is_some_and(|kind| KINDS.contains(&kind));
    is_copy || is_kind() || mark.starts_with("case clash from ") || mark.starts_with("SFConflict ")
}

/// Takes a number off the end.
fn without_number(text: &str) -> &str {
    match text.rsplit_once(' ') {
        Some((text, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => text,
        _ => text,
    }
}

/// Splits before the first full stop.
fn split_extension(text: &str) -> (&str, &str) {
    text.find('.').map_or((text, ""), |at| text.split_at(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_editors_and_file_managers_are_foreign() {
        for name in [
            "4913",
            "#data.json#",
            "#x#",
            "data.json.bak",
            "data.json.swp",
            "data.json.orig",
            "data.json___jb_tmp___",
            "data.json.4711",
            "Data.json.BAK",
            "Thumbs.db",
            "desktop.ini",
            "Desktop.ini",
            "~$data.json",
            "~syncthing~data.json.tmp",
            "sedAb3xYz",
            "data.sync-conflict-20260101-101112-ABCDEFG.json",
            "data (Anna's conflicted copy 2026-01-01).json",
        ] {
            assert!(is_foreign_file(name), "{name}");
        }
    }

    #[test]
    fn what_could_stand_for_a_link_is_not() {
        for name in [
            "0000_report",
            "postits",
            "4914",
            "04913",
            "#x",
            "##",
            "data.jsonl",
            "data.json5",
            "data",
            "thumbs",
            "sediment",
            "sedatives",
            "sedAb3xYzz",
            "copy.txt",
            "report (1)",
            "README.md",
            "~x",
        ] {
            assert!(!is_foreign_file(name), "{name}");
        }
    }

    #[test]
    fn conflict_copies_name_their_original() {
        for (name, original) in [
            ("report.sync-conflict-20260101-101112-ABCDEFG", "report"),
            ("report.sync-conflict-20260101-101112-ABCDEFG.md", "report.md"),
            ("report.sync-conflict-20260101", "report"),
            ("report.sync-conflict-20260101-101112.3", "report.3"),
            ("report_conflict-20260101-101112.txt", "report.txt"),
            ("report (conflicted copy)", "report"),
            ("report (conflicted copy 2026-01-01)", "report"),
            ("report (conflicted copy 2026-01-01 101112).json", "report.json"),
            ("report (Anna's conflicted copy 2026-01-01)", "report"),
            ("my report (2) (anna-laptop's conflicted copy 2026-01-01).txt", "my report (2).txt"),
            ("report (Case Conflict)", "report"),
            ("report (Case Conflict 1).txt", "report.txt"),
            ("report (Unicode Encoding Conflict)", "report"),
            ("report (case clash from Anna)", "report"),
            ("report (SFConflict anna@example.org 2026-01-01-10-11-12).txt", "report.txt"),
            ("report [conflicted].txt", "report.txt"),
            ("report [conflicted 2]", "report"),
        ] {
            assert_eq!(conflict_copy(name).as_deref(), Some(original), "{name}");
        }
    }

    #[test]
    fn people_name_things_as_they_like() {
        for name in [
            "report",
            "report (1)",
            "report (copy)",
            "report - Copy",
            "Arab-Israeli Conflict",
            "history (Border Conflict)",
            "history (Conflict)",
            "(conflicted copy 2026-01-01)",
            ".sync-conflict-20260101",
            "report.sync-conflict-",
            "report.sync-conflict-2026",
            "report.sync-conflict-20260101-x",
            "on a (conflicted copying) machine",
            "a (conflicted copy 2026-01-01) b",
            "report [conflict]",
            "_conflict-20260101",
        ] {
            assert_eq!(conflict_copy(name), None, "{name}");
        }
        assert!(is_unlikely_id("README.md") && is_unlikely_id("readme") && is_unlikely_id("License.txt"));
        assert!(!is_unlikely_id("reader") && !is_unlikely_id("read.me") && !is_unlikely_id("report.bak"));
        assert_eq!(kept_version("report.bak"), Some("report"));
        assert_eq!(kept_version(".bak"), None);
    }
}
