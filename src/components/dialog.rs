//! A dialog over the page: it has the keyboard to itself, Escape closes it, and the focus goes back to
//! where it was.

use leptos::{html, prelude::*};

use super::icons::{CLOSE, Icon};
use crate::state::{
    language::t,
    overlays::{Overlay, Overlays},
};

/// The dialog. What is in it is made when it opens and gone when it closes.
#[component]
pub fn Dialog(
    /// Which one it is.
    overlay: Overlay,
    /// Its heading.
    title: &'static str,
    /// Its class, beside `dialog`; the heading's id is the class and `-title`.
    class: &'static str,
    /// What is in it.
    children: ChildrenFn,
) -> impl IntoView {
    let overlays = expect_context::<Overlays>();
    let dialog = NodeRef::<html::Dialog>::new();
    let is_open = Memo::new(move |_| overlays.open.get() == Some(overlay));
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        if is_open.get() && !dialog.open() {
            let _ = dialog.show_modal();
        } else if !is_open.get() && dialog.open() {
            dialog.close();
        }
    });
    let heading = format!("{class}-title");
    let heading_id = heading.clone();
    view! {
        <dialog
            class=format!("dialog {class}")
            node_ref=dialog
            aria-labelledby=heading
            data-test=class
            on:close=move |_| overlays.close(overlay)
        >
            <div class="dialogBody">
                <div class="dialogHead">
                    <h2 id=heading_id>{title}</h2>
                    <button type="button" class="iconButton" aria-label=t("Close") data-test=format!("{class}-close") on:click=move |_| overlays.close(overlay)>
                        <Icon path=CLOSE />
                    </button>
                </div>
                <Show when=move || is_open.get()>{children()}</Show>
            </div>
        </dialog>
    }
}
