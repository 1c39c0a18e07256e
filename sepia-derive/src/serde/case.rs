//! The cases of `rename_all`.

/// How the name of a field is written on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

const NAMES: [(&str, Case); 8] = [
    ("lowercase", Case::Lower),
    ("UPPERCASE", Case::Upper),
    ("PascalCase", Case::Pascal),
    ("camelCase", Case::Camel),
    ("snake_case", Case::Snake),
    ("SCREAMING_SNAKE_CASE", Case::ScreamingSnake),
    ("kebab-case", Case::Kebab),
    ("SCREAMING-KEBAB-CASE", Case::ScreamingKebab),
];

impl Case {
    /// Returns the case of this name, spelled as in serde.
    pub(crate) fn named(name: &str) -> Option<Self> {
        NAMES.into_iter().find(|(known, _)| *known == name).map(|(_, case)| case)
    }

    /// Returns the names of all cases.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        NAMES.into_iter().map(|(name, _)| name)
    }

    /// Returns a field's name in this case. As in serde, the field is taken to be in snake case, and `lowercase` leaves
    /// it as it is.
    pub(crate) fn apply(self, field: &str) -> String {
        match self {
            Self::Lower | Self::Snake => field.to_owned(),
            Self::Upper | Self::ScreamingSnake => field.to_ascii_uppercase(),
            Self::Kebab => field.replace('_', "-"),
            Self::ScreamingKebab => field.to_ascii_uppercase().replace('_', "-"),
            Self::Pascal => words(field).map(capitalized).collect(),
            Self::Camel => {
                let mut name = Self::Pascal.apply(field);
                if let Some(first) = name.get_mut(..1) {
                    first.make_ascii_lowercase();
                }
                name
            }
        }
    }
}

fn words(field: &str) -> impl Iterator<Item = &str> {
    field.split('_')
}

fn capitalized(word: &str) -> String {
    let mut word = word.to_owned();
    if let Some(first) = word.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    word
}

#[cfg(test)]
mod tests {
    use super::Case;

    /// What serde 1.0 makes of the same names.
    #[test]
    fn each_case_is_serdes() {
        let expected = [
            ("lowercase", ["outcome", "very_tasty", "a", "z42", "_x__y"]),
            ("UPPERCASE", ["OUTCOME", "VERY_TASTY", "A", "Z42", "_X__Y"]),
            ("PascalCase", ["Outcome", "VeryTasty", "A", "Z42", "XY"]),
            ("camelCase", ["outcome", "veryTasty", "a", "z42", "xY"]),
            ("snake_case", ["outcome", "very_tasty", "a", "z42", "_x__y"]),
            ("SCREAMING_SNAKE_CASE", ["OUTCOME", "VERY_TASTY", "A", "Z42", "_X__Y"]),
            ("kebab-case", ["outcome", "very-tasty", "a", "z42", "-x--y"]),
            ("SCREAMING-KEBAB-CASE", ["OUTCOME", "VERY-TASTY", "A", "Z42", "-X--Y"]),
        ];
        for (name, renamed) in expected {
            let case = Case::named(name);
            let made = ["outcome", "very_tasty", "a", "z42", "_x__y"].map(|field| case.map(|case| case.apply(field)));
            assert_eq!(made, renamed.map(|name| Some(name.to_owned())), "{name}");
        }
        assert_eq!(Case::named("Camel"), None);
        assert_eq!(Case::Camel.apply("___"), "");
    }
}
