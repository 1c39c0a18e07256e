//! `sepia set`: the fields of an object.

use clap::{Args, ValueHint};
use sepia::document::Body;
use sepia::record::Key;

use crate::answer::Answer;
use crate::arguments::Session;
use crate::failure::{Failure, Result};
use crate::locate::Access;
use crate::locate::object::{Ids, Object, Part, Target};
use crate::locate::resolve::Records;
use crate::render::text::quoted;
use crate::save::{self, Generation};

/// Set fields of an object
///
/// Of a container, or the nested one to which a path leads (Board/work/boards/0000_x), or of a serializable object of
/// JSON content. A VALUE is JSON if it is (null, 1.50, '["a"]'), and a text otherwise. All of it is saved at once, or
/// nothing: not if the object was changed meanwhile, and not if it could no longer be loaded. In classes that keep
/// generations, the newest is changed and the result is the next.
///
/// With --json, one object: {object, class, id, changed}.
#[derive(Args, Debug)]
pub(crate) struct Set {
    /// The object, or a nested container
    #[arg(value_hint = ValueHint::AnyPath)]
    object: String,
    /// What to set: fields that are there
    #[arg(value_name = "FIELD=VALUE")]
    fields: Vec<String>,
    #[command(flatten)]
    ids: Ids,
    /// Set a field to a text, whatever it looks like
    #[arg(long, value_name = "FIELD=TEXT")]
    string: Vec<String>,
    /// Set a field to a link to an object
    #[arg(long, value_name = "FIELD=OBJECT")]
    link: Vec<String>,
    /// Remove a field, or an element of a collection (boards/0000_x)
    #[arg(long, value_name = "FIELD")]
    remove: Vec<String>,
    /// Set also values that are not there yet
    #[arg(long)]
    new: bool,
    /// Change the generation itself, rather than making the next
    #[arg(long)]
    in_place: bool,
}

impl Set {
    pub(crate) fn run(self, session: &mut Session) -> Result<Answer> {
        if [&self.fields, &self.string, &self.link, &self.remove].iter().all(|given| given.is_empty()) {
            return Err(Failure::said("nothing is to be set: say FIELD=VALUE, --string, --link or --remove"));
        }
        let store = session.store(std::slice::from_ref(&self.object), Access::Write)?;
        let records = Records::of(store.backend())?;
        let object = Object::find(&records, &self.ids, &self.object)?;
        if let Part::Collection(_) = object.part() {
            return Err(Failure::said(format!("{} is a collection, which has no values", object.path())));
        }
        let mut document = store.document(&object.key)?;
        let before = document.record().ok();
        let Some(body) = document.at_mut(&object.within.join("/")) else {
            return Err(Failure::said(format!("{} was changed meanwhile, nothing was saved", object.path())));
        };
        self.change(&records, &object, body)?;
        let changed = Some(document.record()?) != before;
        if changed {
            save::document(&store, &records, &mut document, Generation::of(self.in_place))?;
        }
        save::print(&mut session.out, document.key(), changed)?;
        Ok(Answer::Yes)
    }

    fn change(&self, records: &Records<'_>, object: &Object, body: &mut Body) -> Result<()> {
        for path in &self.remove {
            remove(body, path)
                .then_some(())
                .ok_or_else(|| Failure::said(format!("there is no {} in {}", quoted(path), object.path())))?;
        }
        for assignment in &self.fields {
            let (field, value) = split(assignment, "VALUE")?;
            self.check_known(object, body, field)?;
            match serde_json::from_str::<serde::de::IgnoredAny>(value) {
                Ok(_) => body.set_json(field, value)?,
                Err(_) => body.set(field, value)?,
            }
        }
        for assignment in &self.string {
            let (field, text) = split(assignment, "TEXT")?;
            self.check_known(object, body, field)?;
            body.set(field, text)?;
        }
        for assignment in &self.link {
            let (field, target) = split(assignment, "OBJECT")?;
            body.set_link(field, link(records, target)?)?;
        }
        Ok(())
    }

    /// A field that nobody knows would keep programs from loading the object: mostly it is misspelled.
    fn check_known(&self, object: &Object, body: &Body, field: &str) -> Result<()> {
        let is_removed = self.remove.iter().any(|removed| removed == field);
        if self.new || is_removed || body.fields().any(|known| known == field) || body.is_none(field) {
            return Ok(());
        }
        let field = quoted(field);
        Err(Failure::said(format!("there is no field {field} in {}: --new sets it all the same", object.path())))
    }
}

fn split<'a>(assignment: &'a str, what: &str) -> Result<(&'a str, &'a str)> {
    assignment
        .split_once('=')
        .ok_or_else(|| Failure::said(format!("{} sets nothing: write FIELD={what}", quoted(assignment))))
}

/// The key to which a link is to lead: that of an object that is there.
fn link(records: &Records<'_>, target: &str) -> Result<Key> {
    let key = Target::parse_whole(records, &Ids { class: None }, target)?;
    match records.find(&key)? {
        Some(_) => Ok(key),
        None => Err(crate::locate::object::absent(records, &key)),
    }
}

/// Removes a field, or an element of a collection.
fn remove(body: &mut Body, path: &str) -> bool {
    let Some((field, element)) = path.split_once('/').filter(|(field, _)| body.collection(field).is_some()) else {
        return body.remove(path);
    };
    let Ok(collection) = body.collection_mut(field) else { return false };
    let at = collection.iter().position(|(name, _)| name.as_str() == element);
    at.and_then(|at| collection.remove_at(at)).is_some()
}
