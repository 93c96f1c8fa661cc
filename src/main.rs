//! The page, and where it is cut: each function here is fetched with all that only it needs.

use lamina_page::{
    components::{
        fix_plan::FixPlan, help::HelpText, lab::Lab, network_log::RequestList,
        palette::CommandField, settings_panel::SettingsList, tour::Tour,
    },
    lazy::{Loading, NotLoaded, Views},
    pages::report::ReportPage,
};
use leptos::{
    prelude::*,
    wasm_split::{SplitLoaderError, wasm_split},
};

fn main() {
    lamina_page::start(Views {
        report: || loading(report()),
        fixes: || loading(fixes()),
        lab: || loading(lab()),
        help: || loading(help()),
        network_log: || loading(network_log()),
        palette: || loading(palette()),
        settings: || loading(settings()),
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

#[wasm_split(fixes, wasm_split_path = leptos::wasm_split, fallible)]
fn fixes() -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <FixPlan /> }.into_any())
}

#[wasm_split(lab, wasm_split_path = leptos::wasm_split, fallible)]
fn lab() -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <Lab /> }.into_any())
}

#[wasm_split(help, wasm_split_path = leptos::wasm_split, fallible)]
fn help() -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <HelpText /> }.into_any())
}

#[wasm_split(network_log, wasm_split_path = leptos::wasm_split, fallible)]
fn network_log() -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <RequestList /> }.into_any())
}

#[wasm_split(palette, wasm_split_path = leptos::wasm_split, fallible)]
fn palette() -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <CommandField /> }.into_any())
}

#[wasm_split(settings, wasm_split_path = leptos::wasm_split, fallible)]
fn settings() -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <SettingsList /> }.into_any())
}

#[wasm_split(tour, wasm_split_path = leptos::wasm_split, fallible)]
fn tour() -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <Tour /> }.into_any())
}
