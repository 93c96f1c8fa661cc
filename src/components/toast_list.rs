//! Notes at the foot of the window.

use leptos::prelude::*;

use super::icons::{CLOSE, Icon};
use crate::state::toasts::Toasts;

/// The notes on show; read out politely.
#[component]
pub fn ToastList() -> impl IntoView {
    let toasts = expect_context::<Toasts>();
    view! {
        <div class="toastList" role="status" aria-live="polite">
            <For each=move || toasts.list.get() key=|toast| toast.id let(toast)>
                <p class="toastListItem">
                    <span>{toast.text.clone()}</span>
                    <button
                        type="button"
                        class="iconButton"
                        aria-label="Dismiss"
                        on:click=move |_| toasts.dismiss(toast.id)
                    >
                        <Icon path=CLOSE />
                    </button>
                </p>
            </For>
        </div>
    }
}
