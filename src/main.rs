//! The page, and where it is cut: each function here is fetched with all that only it needs.

use lamina_page::{
    components::{fix_plan::FixPlan, lab::Lab},
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
