//! What this browser remembers of its user: colours and policy. Nothing of images.

use lamina_policy::Policy;
use leptos::prelude::*;

use crate::browser;

const THEME: &str = "lamina.theme";
const POLICY: &str = "lamina.policy";
const AUTHOR: &str = "lamina.author";

/// Who makes exceptions here, as last typed.
pub fn author() -> String {
    browser::setting(AUTHOR).unwrap_or_default()
}

/// Remembers who makes exceptions here.
pub fn keep_author(author: &str) {
    let author = author.trim();
    browser::keep_setting(AUTHOR, (!author.is_empty()).then_some(author));
}

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// The word on the button.
    pub fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// What the button changes to.
    pub fn next(self) -> Self {
        match self {
            Self::System => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::System,
        }
    }

    fn parse(word: &str) -> Self {
        match word {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }
}

/// The settings.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Colours.
    pub theme: RwSignal<Theme>,
}

impl Settings {
    /// As this browser remembers them.
    pub fn load() -> Self {
        let theme = Theme::parse(&browser::setting(THEME).unwrap_or_default());
        apply(theme);
        Self {
            theme: RwSignal::new(theme),
        }
    }

    /// Changes the colours, and remembers.
    pub fn set_theme(self, theme: Theme) {
        self.theme.set(theme);
        apply(theme);
        browser::keep_setting(THEME, (theme != Theme::System).then(|| theme.word()));
    }
}

/// The user's policy; the default if none is kept or it cannot be read.
pub fn load_policy() -> Policy {
    browser::setting(POLICY)
        .and_then(|text| Policy::parse_json(&text).ok())
        .unwrap_or_default()
}

/// Keeps the user's policy.
pub fn keep_policy(policy: &Policy) {
    let text = (*policy != Policy::default())
        .then(|| serde_json::to_string(policy).ok())
        .flatten();
    browser::keep_setting(POLICY, text.as_deref());
}

fn apply(theme: Theme) {
    browser::set_root_attribute("data-theme", (theme != Theme::System).then(|| theme.word()));
}
