//! What this browser remembers of its user: colours, density, order of tables, policy. Nothing of
//! images. Logins are in memory, and in the tab's own storage if the user asks for it.

use std::cell::RefCell;

use lamina_image::reference::Reference;
use lamina_policy::Policy;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::{address::View, language::text, shortcuts};
use crate::browser;

const THEME: &str = "lamina.theme";
const DENSITY: &str = "lamina.density";
const KEYS: &str = "lamina.keys";
const PLATFORM: &str = "lamina.platform";
const SORT: &str = "lamina.sort.";
const COLUMNS: &str = "lamina.columns.";
/// In the tab's own storage, and only if the user asks for it.
const LOGINS_KEY: &str = "lamina.logins";
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
    /// As light or dark as the system has it, with the strongest contrast.
    Contrast,
}

impl Theme {
    /// All, in the order in which the button goes through them.
    pub const ALL: [Theme; 4] = [Self::System, Self::Light, Self::Dark, Self::Contrast];

    /// The word in storage and style sheets.
    pub fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
            Self::Contrast => "contrast",
        }
    }

    /// The words on buttons, in English.
    pub fn title(self) -> &'static str {
        match self {
            Self::System => text("As the system"),
            Self::Light => text("Light"),
            Self::Dark => text("Dark"),
            Self::Contrast => text("High contrast"),
        }
    }

    /// What the button changes to.
    pub fn next(self) -> Self {
        match self {
            Self::System => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::Contrast,
            Self::Contrast => Self::System,
        }
    }

    fn parse(word: &str) -> Self {
        let mut all = Self::ALL.into_iter();
        all.find(|theme| theme.word() == word).unwrap_or_default()
    }
}

/// User and password, or token, of a registry.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The registry's host, as references name it.
    pub registry: String,
    /// Who.
    pub user: String,
    /// The password, or a token.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("registry", &self.registry)
            .finish_non_exhaustive()
    }
}

thread_local! {
    static LOGINS: RefCell<Vec<Login>> = const { RefCell::new(Vec::new()) };
}

/// The login for a registry, if the settings have one.
pub fn login_for(registry: &str) -> Option<(String, String)> {
    LOGINS.with_borrow(|logins| {
        let login = logins.iter().find(|login| login.registry == registry)?;
        Some((login.user.clone(), login.password.clone()))
    })
}

/// The registry that a host or a reference names: `docker.io` of `index.docker.io` and of `nginx`.
pub fn registry_of(text: &str) -> Option<String> {
    let text = text
        .trim()
        .trim_start_matches("https://")
        .trim_start_matches("http://")
        .trim_end_matches('/');
    let (name, port) = text.split_once(':').unwrap_or((text, ""));
    let has_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_host = name.contains('.') || name == "localhost" || has_port;
    let reference = match is_host && !text.contains('/') {
        true => format!("{text}/image"),
        false => text.to_owned(),
    };
    Some(Reference::parse(&reference).ok()?.registry().to_owned())
}

/// The settings.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Colours.
    pub theme: RwSignal<Theme>,
    /// Whether rows of tables stand closer.
    pub is_compact: RwSignal<bool>,
    /// Whether keys that write a character do something.
    pub has_keys: RwSignal<bool>,
    /// The platform to scan where none is named.
    pub platform: RwSignal<Option<String>>,
    /// Whether logins are kept for this tab, and outlive a reload.
    pub keeps_logins: RwSignal<bool>,
    /// Registries that there are logins for. The logins themselves are in no signal.
    pub logins: RwSignal<Vec<(String, String)>>,
}

impl Settings {
    /// As this browser remembers them.
    pub fn load() -> Self {
        let theme = Theme::parse(&browser::setting(THEME).unwrap_or_default());
        let is_compact = browser::setting(DENSITY).is_some();
        let kept = browser::tab_setting(LOGINS_KEY);
        let logins: Vec<Login> = kept
            .as_deref()
            .and_then(|json| serde_json::from_str(json).ok())
            .unwrap_or_default();
        LOGINS.set(logins);
        let settings = Self {
            theme: RwSignal::new(theme),
            is_compact: RwSignal::new(is_compact),
            has_keys: RwSignal::new(has_keys()),
            platform: RwSignal::new(default_platform()),
            keeps_logins: RwSignal::new(kept.is_some()),
            logins: RwSignal::new(Vec::new()),
        };
        apply(theme);
        apply_density(is_compact);
        settings.tell_logins();
        settings
    }

    /// Changes the colours, and remembers.
    pub fn set_theme(self, theme: Theme) {
        self.theme.set(theme);
        apply(theme);
        browser::keep_setting(THEME, (theme != Theme::System).then(|| theme.word()));
    }

    /// Changes how close rows stand, and remembers.
    pub fn set_compact(self, is_compact: bool) {
        self.is_compact.set(is_compact);
        apply_density(is_compact);
        browser::keep_setting(DENSITY, is_compact.then_some("compact"));
    }

    /// Switches keys that write a character on or off, and remembers.
    pub fn set_keys(self, has_keys: bool) {
        self.has_keys.set(has_keys);
        browser::keep_setting(KEYS, (!has_keys).then_some("off"));
    }

    /// Changes the platform to scan where none is named, and remembers.
    pub fn set_platform(self, platform: Option<String>) {
        browser::keep_setting(PLATFORM, platform.as_deref());
        self.platform.set(platform);
    }

    /// Keeps logins for this tab, or in memory alone.
    pub fn keep_logins(self, keeps: bool) {
        self.keeps_logins.set(keeps);
        self.store_logins();
    }

    /// Adds a login, in place of another one for the same registry.
    pub fn add_login(self, login: Login) {
        LOGINS.with_borrow_mut(|logins| {
            logins.retain(|other| other.registry != login.registry);
            logins.push(login);
        });
        self.store_logins();
        self.tell_logins();
    }

    /// Forgets a login.
    pub fn remove_login(self, registry: &str) {
        LOGINS.with_borrow_mut(|logins| logins.retain(|login| login.registry != registry));
        self.store_logins();
        self.tell_logins();
    }

    fn store_logins(self) {
        let json = self.keeps_logins.get_untracked().then(|| {
            LOGINS.with_borrow(|logins| serde_json::to_string(logins).unwrap_or_default())
        });
        browser::keep_tab_setting(LOGINS_KEY, json.as_deref());
    }

    fn tell_logins(self) {
        let list = LOGINS.with_borrow(|logins| {
            let names = |login: &Login| (login.registry.clone(), login.user.clone());
            logins.iter().map(names).collect()
        });
        self.logins.set(list);
    }
}

/// Whether a key is listened to: keys that write a character can be switched off (WCAG 2.1.4).
pub fn takes(key: &str) -> bool {
    !shortcuts::is_character(key) || has_keys()
}

fn has_keys() -> bool {
    browser::setting(KEYS).is_none()
}

/// The platform to scan where none is named.
pub fn default_platform() -> Option<String> {
    browser::setting(PLATFORM)
}

/// How a tab of the report was sorted last.
pub fn sort_of(view: View) -> Option<String> {
    browser::setting(&format!("{SORT}{}", view.word()))
}

/// Remembers how a tab of the report is sorted; `None` for its own order.
pub fn keep_sort(view: View, sort: Option<&str>) {
    browser::keep_setting(&format!("{SORT}{}", view.word()), sort);
}

/// Which columns of a tab's table are not as usual, by their words, with commas between.
pub fn columns_of(view: View) -> Option<String> {
    browser::setting(&format!("{COLUMNS}{}", view.word()))
}

/// Remembers which columns of a tab's table are not as usual; `None` where all are.
pub fn keep_columns(view: View, columns: Option<&str>) {
    browser::keep_setting(&format!("{COLUMNS}{}", view.word()), columns);
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

fn apply_density(is_compact: bool) {
    browser::set_root_attribute("data-density", is_compact.then_some("compact"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_known_by_any_of_its_names() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(registry_of(text).as_deref(), expect, "{text:?}");
        };
        check("ghcr.io", Some("ghcr.io"));
        check("https://ghcr.io/", Some("ghcr.io"));
        check("localhost:5000", Some("localhost:5000"));
        check("nginx:1.25", Some("docker.io"));
        check("ghcr.io/a/b:1", Some("ghcr.io"));
        check("docker.io", Some("docker.io"));
        check("index.docker.io", Some("docker.io"));
        check("", None);
        check("Not A Host", None);
    }

    #[test]
    fn a_login_is_never_printed() {
        let login = Login {
            registry: "r.example".to_owned(),
            user: "ada".to_owned(),
            password: "opensesame".to_owned(),
        };
        let printed = format!("{login:?}");
        assert!(printed.contains("r.example") && !printed.contains("opensesame"));
    }

    #[test]
    fn the_button_goes_through_all_colours() {
        let mut theme = Theme::System;
        for expect in [Theme::Light, Theme::Dark, Theme::Contrast, Theme::System] {
            theme = theme.next();
            assert_eq!(theme, expect);
            assert_eq!(Theme::parse(theme.word()), theme);
        }
        assert_eq!(Theme::parse("no such"), Theme::System);
    }
}
