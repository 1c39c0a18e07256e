//! Operations on single paths, absolute: each says what is there afterwards, so it can be carried out
//! again after it has been carried out in part.

use std::borrow::Cow;

use twox_hash::XxHash3_64;

/// An operation on one path below the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Operation<'a> {
    pub(super) path: Cow<'a, str>,
    pub(super) action: Action<'a>,
    pub(super) before: Before,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action<'a> {
    MakeDirectory,
    File(Cow<'a, [u8]>),
    Link(Cow<'a, str>),
    /// Removes a file or a link.
    Remove,
    /// Removes a directory that is empty but for what is not Sepia's.
    RemoveDirectory,
}

/// What stood under a path before an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    Nothing,
    /// A file or a link, by its image.
    Image(Image),
    /// Nobody looked.
    Unknown,
}

/// What tells the content of a file or the target of a link from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Image(pub(super) u64);

impl Image {
    pub(super) fn of_file(content: &[u8]) -> Self {
        Self(XxHash3_64::oneshot_with_seed(0, content))
    }

    pub(super) fn of_link(target: &str) -> Self {
        Self(XxHash3_64::oneshot_with_seed(1, target.as_bytes()))
    }
}

impl<'a> Operation<'a> {
    pub(super) fn new(path: impl Into<Cow<'a, str>>, action: Action<'a>, before: Before) -> Self {
        Self { path: path.into(), action, before }
    }
}

impl Action<'_> {
    /// The image of what stands there afterwards, if that is a file or a link.
    pub(super) fn image(&self) -> Option<Image> {
        match self {
            Self::File(content) => Some(Image::of_file(content)),
            Self::Link(target) => Some(Image::of_link(target)),
            Self::MakeDirectory | Self::Remove | Self::RemoveDirectory => None,
        }
    }

    /// The same action, with the content of this one.
    pub(super) fn borrow(&self) -> Action<'_> {
        match self {
            Self::MakeDirectory => Action::MakeDirectory,
            Self::File(content) => Action::File(Cow::Borrowed(content)),
            Self::Link(target) => Action::Link(Cow::Borrowed(target)),
            Self::Remove => Action::Remove,
            Self::RemoveDirectory => Action::RemoveDirectory,
        }
    }

    pub(super) fn into_owned(self) -> Action<'static> {
        match self {
            Self::MakeDirectory => Action::MakeDirectory,
            Self::File(content) => Action::File(Cow::Owned(content.into_owned())),
            Self::Link(target) => Action::Link(Cow::Owned(target.into_owned())),
            Self::Remove => Action::Remove,
            Self::RemoveDirectory => Action::RemoveDirectory,
        }
    }

    /// What an error says that it could not do.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Self::MakeDirectory => "make the directory",
            Self::File(_) => "write the file",
            Self::Link(_) => "make the link",
            Self::Remove => "remove",
            Self::RemoveDirectory => "remove the directory",
        }
    }
}
