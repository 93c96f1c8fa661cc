//! Which columns of a table are shown. A table has its usual ones; the user takes some away and adds
//! others, and the browser remembers what differs from the usual.

use std::collections::BTreeSet;

use leptos::prelude::*;

use super::{
    address::View,
    settings::{columns_of, keep_columns},
};

/// A column that a table may show.
pub trait Choosable: Copy + PartialEq + Send + Sync + 'static {
    /// All columns, in their order.
    fn all() -> &'static [Self];

    /// Its word, for styles and for what is remembered.
    fn word(self) -> &'static str;

    /// The word above it, in English.
    fn title(self) -> &'static str;

    /// Whether it is shown unless the user says otherwise.
    fn is_usual(self) -> bool;

    /// Whether a row means nothing without it.
    fn is_needed(self) -> bool;
}

/// The columns of one table.
#[derive(Debug)]
pub struct Columns<C: 'static> {
    view: View,
    /// Those that are not as usual: hidden though usual, or shown though not.
    unusual: RwSignal<BTreeSet<&'static str>>,
    kind: std::marker::PhantomData<fn() -> C>,
}

impl<C> Clone for Columns<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Columns<C> {}

impl<C: Choosable> Columns<C> {
    /// As this browser remembers them for a tab of the report.
    pub fn load(view: View) -> Self {
        let kept = columns_of(view).unwrap_or_default();
        Self {
            view,
            unusual: RwSignal::new(unusual::<C>(&kept)),
            kind: std::marker::PhantomData,
        }
    }

    /// Whether a column is shown.
    pub fn shows(self, column: C) -> bool {
        self.unusual.with(|unusual| shows(unusual, column))
    }

    /// Shows or hides a column, and remembers.
    pub fn set(self, column: C, is_shown: bool) {
        if column.is_needed() {
            return;
        }
        self.unusual.update(|unusual| {
            if is_shown == column.is_usual() {
                unusual.remove(column.word());
            } else {
                unusual.insert(column.word());
            }
        });
        self.keep();
    }

    /// Shows the usual ones again.
    pub fn reset(self) {
        self.unusual.update(BTreeSet::clear);
        self.keep();
    }

    /// Whether they are the usual ones.
    pub fn are_usual(self) -> bool {
        self.unusual.with(BTreeSet::is_empty)
    }

    /// The words of those that are not shown, for `data-without` of the table.
    pub fn hidden(self) -> String {
        self.unusual.with(|unusual| {
            let hidden = C::all().iter().filter(|column| !shows(unusual, **column));
            let words: Vec<_> = hidden.map(|column| column.word()).collect();
            words.join(" ")
        })
    }

    fn keep(self) {
        let words: Vec<_> = self
            .unusual
            .with_untracked(|unusual| unusual.iter().copied().collect());
        let text = (!words.is_empty()).then(|| words.join(","));
        keep_columns(self.view, text.as_deref());
    }
}

/// Reads what was kept; words that are no column's, or of one that is always shown, are passed over.
fn unusual<C: Choosable>(kept: &str) -> BTreeSet<&'static str> {
    kept.split(',')
        .filter_map(|word| {
            let mut all = C::all().iter().copied();
            all.find(|column| column.word() == word && !column.is_needed())
        })
        .map(Choosable::word)
        .collect()
}

fn shows<C: Choosable>(unusual: &BTreeSet<&'static str>, column: C) -> bool {
    column.is_usual() != unusual.contains(column.word())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::findings::Column;

    #[test]
    fn what_is_kept_differs_from_the_usual() {
        let check = |kept: &str, column: Column, expect: bool| {
            assert_eq!(
                shows(&unusual::<Column>(kept), column),
                expect,
                "{column:?} with {kept:?}"
            );
        };
        check("", Column::Title, true);
        check("", Column::Epss, false);
        check("title,epss", Column::Title, false);
        check("title,epss", Column::Epss, true);
        check("title,epss", Column::Layer, true);
        // A row without its id means nothing, whatever a setting says.
        check("id,no such,,", Column::Id, true);
    }
}
