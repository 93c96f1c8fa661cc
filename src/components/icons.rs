//! Small drawings. All are decoration: the words beside them say the same.

use leptos::prelude::*;

/// A line drawing on a 16-unit grid, in the colour of the text.
#[component]
pub fn Icon(
    /// Path data.
    path: &'static str,
) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
            <path d=path />
        </svg>
    }
}

/// Two sheets.
pub const COPY: &str = "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z";
/// A cross.
pub const CLOSE: &str = "M3.5 3.5l9 9M12.5 3.5l-9 9";
/// An arrow into a tray.
pub const DOWNLOAD: &str = "M8 2v8M4.5 7L8 10.5 11.5 7M2.5 13.5h11";
/// A chain.
pub const LINK: &str =
    "M6.5 9.5l3-3M5 7L3.2 8.8a2.8 2.8 0 0 0 4 4L9 11M11 9l1.8-1.8a2.8 2.8 0 0 0-4-4L7 5";
/// A circular arrow.
pub const AGAIN: &str = "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3";
/// Half a disc: light and dark.
pub const THEME: &str = "M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11";
/// A sheet with a folded corner.
pub const FILE: &str = "M4 1.5h5.5L13 5v9.5H4zM9.5 1.5V5H13";
/// A folder.
pub const FOLDER: &str = "M1.5 3.5h5L8 5h6.5v8h-13z";
/// A chevron to the right.
pub const CHEVRON: &str = "M6 3.5L10.5 8 6 12.5";
/// A magnifying glass.
pub const SEARCH: &str = "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.5 10.5l3.5 3.5";
/// A triangle with a stroke.
pub const WARNING: &str = "M8 2l6.5 11.5h-13zM8 6.5v3.5M8 11.6v.4";
/// Sliders.
pub const SETTINGS: &str = "M2 4.5h6M12 4.5h2M2 11.5h2M8 11.5h6M10 2.5a2 2 0 1 0 0 4 2 2 0 0 0 0-4zM6 9.5a2 2 0 1 0 0 4 2 2 0 0 0 0-4z";
/// An arrow out and an arrow in.
pub const REQUESTS: &str = "M2.5 5.5h11M10.5 2.5l3 3-3 3M13.5 10.5h-11M5.5 7.5l-3 3 3 3";
/// A tick.
pub const CHECK: &str = "M2.5 8.5l3.5 3.5 7.5-8";
