//! Severities: each has its own shape and its word beside its colour.

use lamina_inventory::severity::Severity;
use leptos::prelude::*;

use crate::state::counts::{self, Counts};

/// The shape of a severity.
#[component]
pub fn SeverityShape(
    /// Which.
    severity: Severity,
) -> impl IntoView {
    // Filled shapes for what counts; outlines for what hardly does.
    let path = match severity {
        Severity::Critical => "M6 0l6 6-6 6-6-6z",
        Severity::High => "M6 .8l6 10.4h-12z",
        Severity::Medium => "M1.2 1.2h9.6v9.6h-9.6z",
        Severity::Low => "M6 1.4a4.6 4.6 0 1 0 0 9.2 4.6 4.6 0 0 0 0-9.2z",
        Severity::Negligible => {
            "M6 1.4a4.6 4.6 0 1 0 0 9.2 4.6 4.6 0 0 0 0-9.2zM6 3.1a2.9 2.9 0 1 1 0 5.8 2.9 2.9 0 0 1 0-5.8z"
        }
        Severity::Unknown => {
            "M1 1h3v1.6H2.6V4H1zM8 1h3v3H9.4V2.6H8zM1 8h1.6v1.4H4V11H1zM9.4 8H11v3H8V9.4h1.4z"
        }
    };
    view! {
        <svg
            class="severityShape"
            data-severity=severity.word()
            viewBox="0 0 12 12"
            aria-hidden="true"
            focusable="false"
        >
            <path d=path fill-rule="evenodd" />
        </svg>
    }
}

/// Shape and word.
#[component]
pub fn SeverityMark(
    /// Which.
    severity: Severity,
) -> impl IntoView {
    view! {
        <span class="severityMark" data-severity=severity.word()>
            <SeverityShape severity />
            <span class="severityMarkWord">{counts::severity_word(severity)}</span>
        </span>
    }
}

/// Counts by severity as a row of shapes with numbers; those that are zero are left out.
#[component]
pub fn Tally(
    /// The counts.
    counts: Counts,
) -> impl IntoView {
    let items: Vec<_> = counts::present(&counts)
        .map(|(severity, count)| {
            view! {
                <span
                    class="tallyItem"
                    data-severity=severity.word()
                    title=counts::in_words(severity, count)
                    aria-hidden="true"
                >
                    <SeverityShape severity />
                    {count}
                </span>
            }
        })
        .collect();
    view! {
        <span class="tally">
            <span class="visuallyHidden">{counts::sentence(&counts)}</span>
            {items}
        </span>
    }
}
