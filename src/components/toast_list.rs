//! Notes at the foot of the window.

use leptos::prelude::*;

use super::icons::{CLOSE, Icon};
use crate::state::{language::t, toasts::Toasts};

/// The notes on show; read out politely.
#[component]
pub fn ToastList() -> impl IntoView {
    let toasts = expect_context::<Toasts>();
    view! {
        <div class="toastList" role="status" aria-live="polite">
            <For each=move || toasts.list.get() key=|toast| toast.id let(toast)>
                <p class="toastListItem">
                    <span>{toast.text.clone()}</span>
                    {toast.undo.map(|undo| view! {
                        <button
                            type="button"
                            class="toastListUndo"
                            data-test="undo"
                            on:click=move |_| {
                                undo.run();
                                toasts.dismiss(toast.id);
                            }
                        >
                            {t("Undo")}
                        </button>
                    })}
                    <button
                        type="button"
                        class="iconButton"
                        aria-label=t("Dismiss")
                        on:click=move |_| toasts.dismiss(toast.id)
                    >
                        <Icon path=CLOSE />
                    </button>
                </p>
            </For>
        </div>
    }
}
