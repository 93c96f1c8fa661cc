//! The page's keys, in one table: what is pressed is looked up here, and the help lists the same.

use super::language::text;

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Opens the command palette.
    Palette,
    /// The search field gets the focus.
    Search,
    /// Goes to a tab, counted from 0.
    Tab(usize),
    /// The row below.
    NextRow,
    /// The row above.
    PreviousRow,
    /// Opens the row.
    OpenRow,
    /// The layer above.
    LayerAbove,
    /// The layer below.
    LayerBelow,
    /// Closes what is open, or shows all layers again.
    Close,
    /// Opens the settings.
    Settings,
    /// Opens the log of requests.
    NetworkLog,
    /// Changes the colours.
    Theme,
    /// Lists the keys.
    Help,
}

/// Where a key works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Wherever nothing is typed.
    Page,
    /// Everywhere, also in fields.
    Everywhere,
    /// In a list with rows, also where the focus is elsewhere.
    Rows,
    /// On a row.
    Row,
    /// Among the layers.
    Layers,
    /// While the tour is presented, which hears its keys itself.
    Presenting,
}

/// A key, or keys that belong together.
#[derive(Clone, Copy, Debug)]
pub struct Shortcut {
    /// The keys as `KeyboardEvent.key` names them, each with what it does.
    pub keys: &'static [(&'static str, Action)],
    /// Where they work.
    pub place: Place,
    /// How they are written.
    pub shown: &'static str,
    /// What they do, to be translated.
    pub what: &'static str,
}

/// All of them.
pub const SHORTCUTS: &[Shortcut] = &[
    Shortcut {
        keys: &[("k", Action::Palette)],
        place: Place::Everywhere,
        shown: "Ctrl K",
        what: text("Commands: go to anything by its name"),
    },
    Shortcut {
        keys: &[("/", Action::Search)],
        place: Place::Page,
        shown: "/",
        what: text("Search"),
    },
    Shortcut {
        keys: &[
            ("1", Action::Tab(0)),
            ("2", Action::Tab(1)),
            ("3", Action::Tab(2)),
            ("4", Action::Tab(3)),
            ("5", Action::Tab(4)),
            ("6", Action::Tab(5)),
            ("7", Action::Tab(6)),
            ("8", Action::Tab(7)),
            ("9", Action::Tab(8)),
        ],
        place: Place::Page,
        shown: "1 … 9",
        what: text("The report's first tab, second tab …"),
    },
    Shortcut {
        keys: &[("j", Action::NextRow), ("k", Action::PreviousRow)],
        place: Place::Rows,
        shown: "j  k",
        what: text("Next and previous row of a list"),
    },
    Shortcut {
        keys: &[("Enter", Action::OpenRow), (" ", Action::OpenRow)],
        place: Place::Row,
        shown: "Enter",
        what: text("Open the row"),
    },
    Shortcut {
        keys: &[
            ("ArrowUp", Action::LayerAbove),
            ("ArrowDown", Action::LayerBelow),
        ],
        place: Place::Layers,
        shown: "↑  ↓",
        what: text("Within layers: the layer above or below"),
    },
    Shortcut {
        keys: &[],
        place: Place::Presenting,
        shown: "→  Space",
        what: text("Presenting the tour: the next card"),
    },
    Shortcut {
        keys: &[],
        place: Place::Presenting,
        shown: "←  Esc",
        what: text("Presenting the tour: back, and the end of it"),
    },
    Shortcut {
        keys: &[("Escape", Action::Close)],
        place: Place::Page,
        shown: "Esc",
        what: text("Close, or show all layers again"),
    },
    Shortcut {
        keys: &[(",", Action::Settings)],
        place: Place::Page,
        shown: ",",
        what: text("Settings"),
    },
    Shortcut {
        keys: &[("n", Action::NetworkLog)],
        place: Place::Page,
        shown: "n",
        what: text("Requests of this tab"),
    },
    Shortcut {
        keys: &[("c", Action::Theme)],
        place: Place::Page,
        shown: "c",
        what: text("Next colours"),
    },
    Shortcut {
        keys: &[("?", Action::Help)],
        place: Place::Page,
        shown: "?",
        what: text("This list"),
    },
];

/// What a key does at a place.
pub fn find(key: &str, place: Place) -> Option<Action> {
    SHORTCUTS
        .iter()
        .filter(|shortcut| shortcut.place == place)
        .flat_map(|shortcut| shortcut.keys)
        .find(|(name, _)| *name == key)
        .map(|(_, action)| *action)
}

/// How the keys of an action are written, as on this machine.
pub fn shown(action: Action, is_mac: bool) -> Option<String> {
    let shortcut = SHORTCUTS
        .iter()
        .find(|shortcut| shortcut.keys.iter().any(|(_, other)| *other == action))?;
    let key = shortcut.keys.iter().find(|(_, other)| *other == action)?.0;
    Some(match shortcut.keys.len() {
        1 => written(shortcut, is_mac),
        _ => key.to_owned(),
    })
}

/// How a shortcut is written, as on this machine.
pub fn written(shortcut: &Shortcut, is_mac: bool) -> String {
    match is_mac {
        true => shortcut.shown.replace("Ctrl ", "⌘ "),
        false => shortcut.shown.to_owned(),
    }
}

/// Whether a key writes a character: what can be switched off for those who speak to their machine.
pub fn is_character(key: &str) -> bool {
    key != " " && key.chars().count() == 1
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_key_does_one_thing_at_a_place() {
        let mut seen = BTreeSet::new();
        for shortcut in SHORTCUTS {
            // What works with the page must not be taken by a list, too.
            let at = match shortcut.place {
                Place::Rows => "page".to_owned(),
                Place::Page => "page".to_owned(),
                place => format!("{place:?}"),
            };
            for (key, _) in shortcut.keys {
                assert!(seen.insert((at.clone(), *key)), "{key} twice at {at}");
            }
        }
    }

    #[test]
    fn keys_are_found_at_their_place_only() {
        let check = |key: &str, place: Place, expect: Option<Action>| {
            assert_eq!(find(key, place), expect, "{key} {place:?}");
        };
        check("k", Place::Everywhere, Some(Action::Palette));
        check("k", Place::Rows, Some(Action::PreviousRow));
        check("k", Place::Page, None);
        check("3", Place::Page, Some(Action::Tab(2)));
        check("Escape", Place::Page, Some(Action::Close));
        check("q", Place::Page, None);
    }

    #[test]
    fn keys_are_written_as_on_the_machine() {
        assert_eq!(shown(Action::Palette, false).as_deref(), Some("Ctrl K"));
        assert_eq!(shown(Action::Palette, true).as_deref(), Some("⌘ K"));
        assert_eq!(shown(Action::Tab(1), true).as_deref(), Some("2"));
        assert!(is_character("?") && !is_character("Escape") && !is_character(" "));
    }
}
