//! A report: verdict, strata, and its lists.

use lamina_report::model::LeftOut;
use leptos::prelude::*;

use crate::{
    browser,
    components::{
        findings_table::FindingsTable,
        image_head::{DatabaseNotes, ImageHead},
        import_banner::ImportBanner,
        issues_table::IssuesTable,
        packages_table::PackagesTable,
        print_sheet::PrintSheet,
        share::ShareButtons,
        strata::Strata,
        tabs::Tabs,
        verdict_panel::VerdictPanel,
        warnings_panel::{self, WarningsPanel},
    },
    lazy::Lazy,
    state::{
        address::{Subject, View},
        language::{fill, t},
        packages,
        report::ReportStore,
        session::{Loaded, Origin, Session},
        words,
    },
};

/// The page.
#[component]
pub fn ReportPage(
    /// The report.
    loaded: Loaded,
) -> impl IntoView {
    let session = expect_context::<Session>();
    let store = ReportStore::new(session, loaded.clone());
    provide_context(store);
    let name = loaded.report.image.name.clone();
    Effect::new(move |_| {
        let passed = store.judgement.with(|judgement| judgement.verdict.passed);
        session.passed.set(Some(passed));
        let title = if passed {
            t("{name} passes · Lamina")
        } else {
            t("{name} fails · Lamina")
        };
        browser::set_title(&fill(title, &[("name", &name)]));
    });
    on_cleanup(move || session.passed.set(None));
    let view = Memo::new(move |_| session.address.with(|address| address.view));
    let counts = move |view: View| match view {
        View::Findings => Some(store.findings.with(|rows| rows.list.len())),
        View::Fixes => Some(store.plan.with(|plan| plan.upgrades.len())),
        View::Issues => Some(store.issues.with(|rows| rows.list.len())),
        View::Packages => Some(store.packages.with(|rows| {
            store.with(|report| {
                let packages = rows.list.iter().filter_map(|row| report.packages.get(*row));
                packages
                    .filter(|package| packages::is_counted(package))
                    .count()
            })
        })),
        View::Warnings => Some(warnings_panel::count(store)),
        View::Compare | View::Files | View::Image | View::Policy => None,
    };
    let panel = move || match view.get() {
        View::Findings => view! { <FindingsTable /> }.into_any(),
        View::Fixes => view! { <Lazy view=|views| (views.tab)(View::Fixes) /> }.into_any(),
        View::Issues => view! { <IssuesTable /> }.into_any(),
        View::Packages => view! { <PackagesTable /> }.into_any(),
        View::Compare => view! { <Lazy view=|views| (views.tab)(View::Compare) /> }.into_any(),
        View::Files => view! { <Lazy view=|views| (views.tab)(View::Files) /> }.into_any(),
        View::Image => view! { <Lazy view=|views| (views.tab)(View::Image) /> }.into_any(),
        View::Policy => view! { <Lazy view=|views| (views.lab)() /> }.into_any(),
        View::Warnings => view! { <WarningsPanel /> }.into_any(),
    };
    let left_out: Vec<String> = loaded.report.left_out.iter().map(LeftOut::words).collect();
    let left_out = (!left_out.is_empty()).then(|| {
        let left_out = left_out.join(", ");
        view! { <span data-test="left-out">" " {fill(t("Not in this link: {parts}."), &[("parts", &left_out)])}</span> }
    });
    let came = session.address.with_untracked(|address| match address.subject {
        Subject::Home => t("It is in this file; nothing was fetched to show it."),
        Subject::Uploaded(_) => t(
            "It was fetched from this page's server, which keeps it encrypted: the key came in the link, and this browser decrypted it.",
        ),
        _ => t("It came in the link; nothing was fetched to show it."),
    });
    let banner = match loaded.origin {
        Origin::Shared => Some(
            view! {
                <p class="banner" data-test="shared-banner">
                    <strong>{t("Shared report")}</strong>
                    ". "
                    {fill(t("Made {time}."), &[("time", &words::time(&loaded.report.scanned_at))])}
                    " "
                    {came}
                    " "
                    {t("The policy that judges it here, with its exceptions, came along.")}
                    {left_out}
                </p>
            }
            .into_any(),
        ),
        Origin::Imported if loaded.report.imported.is_none() => Some(
            view! {
                <p class="banner" data-test="file-banner">
                    <strong>{t("Report from a file")}</strong>
                    ". "
                    {fill(t("Made {time}."), &[("time", &words::time(&loaded.report.scanned_at))])}
                </p>
            }
            .into_any(),
        ),
        Origin::Imported | Origin::Kept | Origin::Scanned => None,
    };
    let imported = loaded.report.imported.clone();
    view! {
        <main class="report" id="main" data-phase="report">
            {banner}
            {imported.map(|imported| view! { <ImportBanner imported /> })}
            <ImageHead image=loaded.report.image.clone() report=Some(loaded.report.clone())>
                <ShareButtons />
            </ImageHead>
            <div class="reportBody">
                <div class="reportVerdict">
                    <DatabaseNotes report=loaded.report.clone() />
                    <VerdictPanel />
                </div>
                <Strata />
                <section class="reportPanel" id="lists" aria-label=t("Report")>
                    <Tabs counts />
                    <LayerNote />
                    <div id="panel" role="tabpanel" aria-labelledby=move || format!("tab-{}", view.get().word())>
                        {panel}
                    </div>
                </section>
            </div>
            <PrintSheet />
        </main>
    }
}

/// Says that only one layer is shown.
#[component]
fn LayerNote() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    view! {
        <Show when=move || store.layer.get().is_some()>
            <p class="layerNote">
                {move || store.layer.get().map(|layer| fill(t("Only layer {n}"), &[("n", &layer.to_string())]))}
                <button type="button" class="linkButton" on:click=move |_| session.select(|address| address.layer = None)>{t("Show all layers")}</button>
            </p>
        </Show>
    }
}
