//! Which Rust type has claimed which class.

use std::any::TypeId;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

use super::Object;
use super::source::Source;
use crate::record::class::Class;
use crate::record::error::{Error, ErrorKind, Quoted, Result};

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
