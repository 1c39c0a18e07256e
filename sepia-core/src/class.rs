//! What a store knows of a class, and which Rust type has claimed it.

use std::any::TypeId;
use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

use crate::error::{Error, ErrorKind, Quoted, Result};
use crate::name::{self, MAX_NAME};
use crate::object::Object;
use crate::source::Source;

/// A class and its options, as a store declares them so that tools need no types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    name: Cow<'static, str>,
    kind: Kind,
    generations: Option<bool>,
}

/// Whether the objects of a class are files or directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One file each, of the given format. `None`: not yet known, in an adopted store.
    Serializable(Option<Format>),
    /// One directory each.
    Container,
}

/// What the file of a serializable object holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// The fields, as a JSON object.
    Json,
    /// The text itself, UTF-8.
    Text,
    /// The bytes themselves.
    Bytes,
    /// Whatever the type's [`Content`](crate::Content) makes of it.
    Custom,
}

impl Class {
    /// A class of containers, without generations.
    pub const fn container(name: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), kind: Kind::Container, generations: Some(false) }
    }

    /// A class of serializable objects, without generations.
    pub const fn serializable(name: &'static str, format: Format) -> Self {
        Self { name: Cow::Borrowed(name), kind: Kind::Serializable(Some(format)), generations: Some(false) }
    }

    /// The class of a type.
    pub fn of<T: Object>() -> Self {
        T::__CLASS_DEF
    }

    /// The same class, keeping generations.
    #[must_use]
    pub const fn with_generations(mut self) -> Self {
        self.generations = Some(true);
        self
    }

    /// A class as a store declares it; `generations` is `None` where that is not yet known.
    ///
    /// # Errors
    /// `InvalidName` if the name is empty or over 200 bytes once encoded.
    pub fn declared(name: String, kind: Kind, generations: Option<bool>) -> Result<Self> {
        check_name(&name)?;
        Ok(Self { name: Cow::Owned(name), kind, generations })
    }

    /// Returns the name, which is that of the directory once encoded.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether its objects are files or directories.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns whether its ids end in generations; `None` where that is not yet known.
    pub fn generations(&self) -> Option<bool> {
        self.generations
    }

    pub(crate) fn keeps_generations(&self) -> bool {
        self.generations == Some(true)
    }

    /// Whether ids end in generations, or nobody has said that they do not.
    pub(crate) fn may_keep_generations(&self) -> bool {
        self.generations != Some(false)
    }

    /// Brings a declaration and a later claim to the same class together: what one of them does
    /// not know, the other fills in.
    ///
    /// # Errors
    /// `ClassClash` if they contradict each other.
    pub fn merge(&self, other: &Class) -> Result<Class> {
        let kind = match (self.kind, other.kind) {
            (Kind::Container, Kind::Container) => Some(Kind::Container),
            (Kind::Serializable(a), Kind::Serializable(b)) if a.is_none() || b.is_none() || a == b => {
                Some(Kind::Serializable(a.or(b)))
            }
            _ => None,
        };
        let generations = match (self.generations, other.generations) {
            (Some(a), Some(b)) if a != b => None,
            (a, b) => Some(a.or(b)),
        };
        let (Some(kind), Some(generations)) = (kind, generations) else {
            let message = format!(
                "class {} is stored as {}, and claimed as {}",
                Quoted(&self.name),
                self.describe(),
                other.describe()
            );
            return Err(Error::message(ErrorKind::ClassClash, message));
        };
        Ok(Self { name: self.name.clone(), kind, generations })
    }

    fn describe(&self) -> String {
        let kind = match self.kind {
            Kind::Container => "containers".to_owned(),
            Kind::Serializable(None) => "serializable objects".to_owned(),
            Kind::Serializable(Some(format)) => format!("serializable objects (content {:?})", format.as_str()),
        };
        match self.generations {
            Some(true) => kind + " with generations",
            Some(false) => kind + " without generations",
            None => kind,
        }
    }
}

impl Format {
    /// Returns the word for it in `#[sepia(content = "..")]` and in the store's declaration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Custom => "custom",
        }
    }

    #[cfg(any(unix, feature = "backup", feature = "export", feature = "sqlite"))]
    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Json, Self::Text, Self::Bytes, Self::Custom].into_iter().find(|format| format.as_str() == word)
    }
}

/// Checks that a class can be stored under this name.
pub(crate) fn check_name(class: &str) -> Result<()> {
    if class.is_empty() {
        return Err(Error::invalid_name("a class cannot have an empty name"));
    }
    if name::encode(class).len() > MAX_NAME {
        let message = format!("the class name {} is over {MAX_NAME} bytes once encoded", Quoted(class));
        return Err(Error::invalid_name(message));
    }
    Ok(())
}

/// Which Rust type has claimed which class, for the life of a store.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    types: RwLock<Types>,
}

#[derive(Debug, Default)]
struct Types {
    /// Whose each class is, and what that type is called.
    owners: HashMap<&'static str, (TypeId, &'static str)>,
    /// The same types, for whoever has one already.
    claims: HashMap<TypeId, Claim, BuildHasherDefault<AsIs>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    Made,
    /// The declaration of the class has been seen, and says the same.
    Agreed,
}

/// A `TypeId` is a hash by itself, and nobody chooses it.
#[derive(Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            self.write_u64(u64::from_ne_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 ^= word;
    }
}

impl Claims {
    /// Claims the class of `T` for `T`.
    pub(crate) fn claim<T: Object>(&self) -> Result<()> {
        self.claim_for(T::__CLASS, TypeId::of::<T>(), std::any::type_name::<T>()).map(|_| ())
    }

    /// Claims the class of `T` for `T`, and makes sure that it is not declared otherwise.
    pub(crate) fn claim_in<T: Object>(&self, source: &dyn Source) -> Result<()> {
        let owner = TypeId::of::<T>();
        match self.claim_for(T::__CLASS, owner, std::any::type_name::<T>())? {
            Claim::Agreed => Ok(()),
            Claim::Made => self.agree(&T::__CLASS_DEF, owner, source),
        }
    }

    fn agree(&self, class: &Class, owner: TypeId, source: &dyn Source) -> Result<()> {
        if let Some(declared) = source.classes()?.iter().find(|declared| declared.name() == class.name()) {
            declared.merge(class)?;
            if !source.is_settled(class.name()) {
                return Ok(());
            }
            if let Some(claim) = self.types_mut().claims.get_mut(&owner) {
                *claim = Claim::Agreed;
            }
        }
        Ok(())
    }

    fn claim_for(&self, class: &'static str, owner: TypeId, type_name: &'static str) -> Result<Claim> {
        // A poisoned lock guards maps that no panic can leave half changed.
        let known = self.types.read().unwrap_or_else(PoisonError::into_inner).claims.get(&owner).copied();
        match known {
            Some(known) => Ok(known),
            None => self.claim_first(class, owner, type_name),
        }
    }

    fn claim_first(&self, class: &'static str, owner: TypeId, type_name: &'static str) -> Result<Claim> {
        let mut types = self.types_mut();
        let (first, first_name) = *types.owners.entry(class).or_insert((owner, type_name));
        if first == owner {
            return Ok(*types.claims.entry(owner).or_insert(Claim::Made));
        }
        let message = format!(
            "class {} is claimed by two types, `{first_name}` and `{type_name}`: \
             give one of them another name with #[sepia(class = \"..\")]",
            Quoted(class)
        );
        Err(Error::message(ErrorKind::ClassClash, message))
    }

    fn types_mut(&self) -> RwLockWriteGuard<'_, Types> {
        self.types.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn clear(&self) {
        *self.types_mut() = Types::default();
    }
}
