//! Views whose code is fetched when they are first shown.
//!
//! `src/main.rs` marks them; the build cuts the page's module there (`xtask/src/page.rs`). They are not
//! marked here, because the workers are made of this library too, and would then carry them.

use std::{future::Future, pin::Pin};

use leptos::prelude::*;

use crate::{
    browser,
    state::{address::View, language::t},
};

/// A view's code could not be fetched: no network, or a newer build has replaced it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotLoaded;

/// A view, once its code is there.
pub type Loading = Pin<Box<dyn Future<Output = Result<AnyView, NotLoaded>> + Send>>;

/// A dialog's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panel {
    /// [`crate::components::help::HelpText`].
    Help,
    /// [`crate::components::network_log::RequestList`].
    NetworkLog,
    /// [`crate::components::palette::CommandField`].
    Palette,
    /// [`crate::components::settings_panel::SettingsList`].
    Settings,
}

/// The views. One for the whole page, in its context. What is opened together is fetched together:
/// each part more is a dozen files more that several of them share.
#[derive(Clone, Copy, Debug)]
pub struct Views {
    /// [`crate::pages::report::ReportPage`], of the [`crate::state::session::Loaded`] in the context.
    pub report: fn() -> Loading,
    /// The content of a tab of the report.
    pub tab: fn(View) -> Loading,
    /// [`crate::components::lab::Lab`].
    pub lab: fn() -> Loading,
    /// The content of a dialog.
    pub panel: fn(Panel) -> Loading,
    /// [`crate::components::tour::Tour`].
    pub tour: fn() -> Loading,
}

/// Shows a view as soon as its code is there; says so when it does not come.
#[component]
pub fn Lazy(
    /// Fetches it, of the page's [`Views`].
    view: fn(Views) -> Loading,
) -> impl IntoView {
    let views = expect_context::<Views>();
    let attempt = RwSignal::new(0_u32);
    move || {
        attempt.track();
        Suspend::new(async move {
            match view(views).await {
                Ok(view) => view,
                Err(NotLoaded) => view! { <Missing on_retry=Callback::new(move |()| attempt.update(|it| *it += 1)) /> }
                    .into_any(),
            }
        })
    }
}

/// What stands in the place of a view that did not come.
#[component]
fn Missing(on_retry: Callback<()>) -> impl IntoView {
    view! {
        <div class="empty" data-test="not-loaded" role="alert">
            <p>{t("This part of the page could not be fetched: there is no network, or the page has been renewed since it was opened.")}</p>
            <p>
                <button type="button" class="button" on:click=move |_| on_retry.run(())>{t("Try again")}</button>
                " "
                <button type="button" class="button" data-kind="quiet" on:click=move |_| browser::reload()>{t("Reload the page")}</button>
            </p>
        </div>
    }
}
