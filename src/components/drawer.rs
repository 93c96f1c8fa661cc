//! The drawer: what was chosen in a list, in full. Beside the list where there is room, above it
//! where there is none.

use leptos::{html, prelude::*};

use super::icons::{CHEVRON, CLOSE, Icon};
use crate::{
    browser,
    state::language::{fill, t},
};

/// From this width on the list stays usable beside the drawer.
const WIDE_PX: f64 = 900.0;

/// The drawer; what is in it has a title with the id `drawer-title`.
#[component]
pub fn Drawer(
    /// Whether something is in it.
    #[prop(into)]
    is_open: Signal<bool>,
    /// What the buttons that go to the one before and to the next one do, in the page's language.
    turns: (&'static str, &'static str),
    /// Closes it.
    on_close: Callback<()>,
    /// Goes to the next one (true) or the one before.
    on_step: Callback<bool>,
    /// What is in it.
    children: Children,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        let is_wanted = is_open.get();
        if is_wanted && !dialog.open() {
            if browser::window_width() >= WIDE_PX {
                dialog.show();
            } else {
                let _ = dialog.show_modal();
            }
            browser::focus("drawer-title");
        } else if !is_wanted && dialog.open() {
            dialog.close();
        }
    });
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        if event.key() == "Escape" {
            event.prevent_default();
            event.stop_propagation();
            on_close.run(());
        }
    };
    view! {
        <dialog
            class="drawer"
            node_ref=dialog
            aria-labelledby="drawer-title"
            on:keydown=on_key
            on:cancel=move |event: leptos::ev::Event| {
                event.prevent_default();
                on_close.run(());
            }
        >
            <div class="drawerBar">
                <button type="button" class="iconButton" aria-label=turns.0 title=t("Previous (k)") data-turn="back" on:click=move |_| on_step.run(false)>
                    <Icon path=CHEVRON />
                </button>
                <button type="button" class="iconButton" aria-label=turns.1 title=t("Next (j)") on:click=move |_| on_step.run(true)>
                    <Icon path=CHEVRON />
                </button>
                <span class="drawerSpace"></span>
                <button type="button" class="iconButton" aria-label=t("Close") title=t("Close (Esc)") data-test="drawer-close" on:click=move |_| on_close.run(())>
                    <Icon path=CLOSE />
                </button>
            </div>
            {children()}
        </dialog>
    }
}

/// A layer as a link that limits everything to it, with its build step.
#[component]
pub fn LayerLink(
    /// Which.
    layer: usize,
) -> impl IntoView {
    let session = expect_context::<crate::state::session::Session>();
    let store = expect_context::<crate::state::report::ReportStore>();
    if store.with(|report| layer >= report.layers.len()) {
        return t("a layer that the report does not name").into_any();
    }
    view! {
        <button type="button" class="linkButton" on:click=move |_| session.select(|address| address.layer = Some(layer))>
            {fill(t("layer {n}"), &[("n", &layer.to_string())])}
        </button>
        " "
        <code class="drawerStep">{store.layer_line(layer)}</code>
    }
    .into_any()
}

/// One row of a list of facts; nothing if there is nothing to say.
pub fn fact(name: &'static str, value: impl IntoView) -> impl IntoView {
    view! { <div class="factsItem"><dt>{name}</dt><dd>{value}</dd></div> }
}
