//! The page, and where it is cut: each function here is fetched with all that only it needs.

use lamina_page::{
    components::{
        compare::Compare, file_tree::FileTree, fix_plan::FixPlan, help::HelpText,
        image_panel::ImagePanel, lab::Lab, network_log::RequestList, palette::CommandField,
        settings_panel::SettingsList, tour::Tour,
    },
    lazy::{Loading, NotLoaded, Panel, Views},
    pages::report::ReportPage,
    state::address::View,
};
use leptos::{
    prelude::*,
    wasm_split::{SplitLoaderError, wasm_split},
};

fn main() {
    lamina_page::start(Views {
        report: || loading(report()),
        tab: |view| loading(tab(view)),
        lab: || loading(lab()),
        panel: |panel| loading(self::panel(panel)),
        tour: || loading(tour()),
    });
}

fn loading(
    view: impl Future<Output = Result<AnyView, SplitLoaderError>> + Send + 'static,
) -> Loading {
    Box::pin(async { view.await.map_err(|_| NotLoaded) })
}

#[wasm_split(report, wasm_split_path = leptos::wasm_split, fallible)]
fn report() -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <ReportPage loaded=expect_context() /> }.into_any())
}

#[wasm_split(tab, wasm_split_path = leptos::wasm_split, fallible)]
fn tab(view: View) -> Result<AnyView, SplitLoaderError> {
    Ok(match view {
        View::Fixes => view! { <FixPlan /> }.into_any(),
        View::Compare => view! { <Compare /> }.into_any(),
        View::Files => view! { <FileTree /> }.into_any(),
        View::Image => view! { <ImagePanel /> }.into_any(),
        // These come with the report, or are a part of their own.
        View::Findings | View::Policy | View::Issues | View::Packages | View::Warnings => {
            ().into_any()
        }
    })
}

#[wasm_split(lab, wasm_split_path = leptos::wasm_split, fallible)]
fn lab() -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <Lab /> }.into_any())
}

#[wasm_split(panel, wasm_split_path = leptos::wasm_split, fallible)]
fn panel(panel: Panel) -> Result<AnyView, SplitLoaderError> {
    Ok(match panel {
        Panel::Help => view! { <HelpText /> }.into_any(),
        Panel::NetworkLog => view! { <RequestList /> }.into_any(),
        Panel::Palette => view! { <CommandField /> }.into_any(),
        Panel::Settings => view! { <SettingsList /> }.into_any(),
    })
}

#[wasm_split(tour, wasm_split_path = leptos::wasm_split, fallible)]
fn tour() -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <Tour /> }.into_any())
}
