//! Arguments that are one of several texts.

/// An enum of texts: how each is written, its schema, and a look that says which ones there are.
macro_rules! choices {
    ($(#[$about:meta])* pub enum $name:ident { $($(#[$what:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$what])* $variant,)+
        }

        impl $name {
            /// How it is written in job files.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            const ALL: &'static [(&'static str, Self)] = &[$(($text, Self::$variant)),+];
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl encamp_hclspec::HclType for $name {
            fn hcl_type() -> encamp_hclspec::Type {
                encamp_hclspec::Type::String
            }

            fn hcl_check() -> Option<encamp_hclspec::spec::Check> {
                Some(encamp_hclspec::spec::Check::new(|value| {
                    crate::check::one_of(value, Self::ALL.iter().map(|(text, _)| *text))
                }))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let found = Self::ALL.iter().find(|(known, _)| *known == text);
                found.map(|(_, choice)| *choice).ok_or_else(|| serde::de::Error::custom("none of the known texts"))
            }
        }
    };
}

pub(crate) use choices;
