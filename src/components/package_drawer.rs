//! One package in full: why we say that it is there, and where it comes from.

use lamina_report::model::Package;
use leptos::prelude::*;

use super::{
    copy::CopyButton,
    drawer::{Drawer, LayerLink, fact},
    file_drawer::{OpenFileButton, open_file},
    severity::SeverityMark,
};
use crate::{
    browser, scanner,
    state::{
        address::View,
        language::{fill, t, tn},
        packages,
        report::ReportStore,
        session::Session,
        words,
    },
};

/// Most findings, and most packages within it, that the drawer names.
const MOST_NAMED: usize = 40;

/// Goes to a package.
pub fn open_package(session: Session, index: usize) {
    session.select(|address| {
        if address.view != View::Packages {
            address.view = View::Packages;
            address.sort = None;
            address.search.clear();
        }
        address.package = Some(index);
    });
    // What had the focus is gone with the text it was in.
    request_animation_frame(|| browser::focus("drawer-title"));
}

/// The drawer.
#[component]
pub fn PackageDrawer(
    /// The package, as an index into the report.
    opened: Memo<Option<usize>>,
    /// Closes it.
    on_close: Callback<()>,
    /// Goes to the next one (true) or the one before.
    on_step: Callback<bool>,
) -> impl IntoView {
    let store = expect_context::<ReportStore>();
    let content = move || {
        let index = opened.get()?;
        let package = store.package(index)?;
        Some(view! { <PackageText index package /> })
    };
    view! {
        <Drawer is_open=Signal::derive(move || opened.get().is_some()) turns=(t("Previous package"), t("Next package")) on_close on_step>
            {content}
        </Drawer>
    }
}

#[component]
fn PackageText(index: usize, package: Package) -> impl IntoView {
    let store = expect_context::<ReportStore>();
    let base = store.with(|report| report.base.as_ref().map(|base| base.layers));
    let side = base.map(|layers| {
        if package.layer < layers {
            t("of the base image")
        } else {
            t("of the image's own layers")
        }
    });
    let owner = package.owned_by.and_then(|owner| {
        let name = store.package(owner)?.name;
        // The name is a link within the sentence.
        let (before, after) = t("{owner}, a package of the distribution").split_once("{owner}")?;
        Some(view! { {before} <PackageLink index=owner name /> {after} })
    });
    let is_nobodys = owner.is_none() && !package.kind.is_os() && package.removed_in.is_none();
    let inside: Vec<(usize, String)> = store.with(|report| {
        let all = report.packages.iter().enumerate();
        all.filter(|(_, other)| other.owned_by == Some(index))
            .map(|(index, other)| (index, format!("{} {}", other.name, other.version)))
            .collect()
    });
    let files = package.files.map(|files| match package.bytes {
        Some(bytes) => fill(
            &tn(files, "{n} file, {size}", "{n} files, {size}"),
            &[("size", &words::size(bytes))],
        ),
        None => tn(files, "{n} file", "{n} files"),
    });
    let events = packages::events(&package)
        .into_iter()
        .map(|event| {
            view! {
                <li class="drawerEvent">
                    <span class="drawerEventWhat">{event.what}</span>
                    <span><LayerLink layer=event.layer /></span>
                </li>
            }
        })
        .collect_view();
    let details = package
        .details
        .iter()
        .map(|(name, value)| view! { <div class="factsItem"><dt>{packages::detail_title(name)}</dt><dd>{value.clone()}</dd></div> })
        .collect_view();
    let version = if package.version.is_empty() {
        t("without a version").to_owned()
    } else {
        package.version.clone()
    };
    view! {
        <div class="drawerText" data-test="package-drawer">
            <div class="drawerMarks">
                <span class="tag">{package.kind.word()}</span>
                {side.map(|side| view! { <span class="drawerScore">{side}</span> })}
            </div>
            <h2 class="drawerTitle" id="drawer-title" tabindex="-1">{package.name.clone()}</h2>
            <p class="drawerPackage mono">{version}</p>
            {package.removed_in.map(|layer| view! {
                <p class="drawerRemedy">{fill(t("Not in the merged image: layer {layer} removed it. Its files can still be read in the layers below."), &[("layer", &layer.to_string())])}</p>
            })}

            <h3>{t("Why it is believed to be there")}</h3>
            <p>{packages::basis_sentence(package.basis)}</p>
            <dl class="facts">
                {fact(t("Read from"), view! { <span class="mono">{packages::place_words(&package)}</span> })}
                {(package.file_layer != package.layer).then(|| fact(t("File from"), view! { <LayerLink layer=package.file_layer /> }))}
                {package.evidence.clone().map(|evidence| fact(t("Evidence"), evidence))}
            </dl>
            <OpenFileButton path=package.file.clone() layer=Some(package.file_layer) lines=package.lines />

            <h3>{t("Where it comes from")}</h3>
            <ol class="drawerEvents" data-test="package-events">{events}</ol>
            <dl class="facts">
                {owner.map(|owner| fact(t("Owner"), owner))}
                {is_nobodys.then(|| fact(t("Owner"), t("no package of the distribution lists its files")))}
                {files.map(|files| fact(t("Files"), files))}
                {(!inside.is_empty()).then(|| {
                    let more = inside.len().saturating_sub(MOST_NAMED);
                    let links = inside.iter().take(MOST_NAMED).map(|(index, name)| view! { <li><PackageLink index=*index name=name.clone() /></li> }).collect_view();
                    fact(t("Packages in it"), view! { <ul class="factsList">{links}{(more > 0).then(|| view! { <li>{and_more(more)}</li> })}</ul> })
                })}
            </dl>

            <h3>{t("What it is")}</h3>
            <dl class="facts">
                {fact(t("Package URL"), view! { <span class="factsDigest"><span class="mono">{package.purl.clone()}</span><CopyButton text=package.purl.clone() what="package URL" /></span> })}
                {package.licence.clone().map(|licence| fact(t("Licence"), licence))}
                {package.source.clone().map(|(name, version)| fact(t("Source package"), format!("{name} {version}")))}
                {package.architecture.clone().map(|architecture| fact(t("Architecture"), architecture))}
                {details}
            </dl>
            <LicenceTexts index />

            <PackageFindings index />
        </div>
    }
}

/// Opens the texts of the package's licence, where the image has them.
#[component]
fn LicenceTexts(index: usize) -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let files = RwSignal::new(Vec::<String>::new());
    if session.has_tree(&store.loaded()) {
        leptos::task::spawn_local(async move {
            let found = scanner::licence_files(vec![index]).await;
            // The drawer may show another package by now.
            files.try_set(found.into_iter().flat_map(|found| found.files).collect());
        });
    }
    let buttons = move || {
        files
            .get()
            .into_iter()
            .map(|path| {
                let name = path.rsplit('/').next().unwrap_or_default();
                let words = fill(t("Read the licence: {file}"), &[("file", name)]);
                let title = format!("/{path}");
                view! {
                    <button type="button" class="button" data-size="small" data-test="open-licence" title=title
                        on:click=move |_| open_file(session, &path, None, None)>
                        {words}
                    </button>
                }
            })
            .collect_view()
    };
    view! {
        <Show when=move || files.with(|files| !files.is_empty())>
            <p class="drawerLicences">{buttons}</p>
        </Show>
    }
}

fn and_more(more: usize) -> String {
    tn(more, "and {n} more", "and {n} more")
}

#[component]
fn PackageLink(index: usize, name: String) -> impl IntoView {
    let session = expect_context::<Session>();
    view! {
        <button type="button" class="linkButton" on:click=move |_| open_package(session, index)>{name}</button>
    }
}

#[component]
fn PackageFindings(index: usize) -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let findings: Vec<_> = store.with(|report| {
        let all = report.findings.iter();
        all.filter(|finding| finding.package == index)
            .map(|finding| (finding.id.clone(), finding.severity, finding.title.clone()))
            .collect()
    });
    if findings.is_empty() {
        let why = store.with(|report| {
            let package = report.packages.get(index);
            package.map(|package| packages::no_findings(report, package))
        });
        return view! { <h3>{t("Findings")}</h3> <p class="drawerLoading">{why}</p> }.into_any();
    }
    let more = findings.len().saturating_sub(MOST_NAMED);
    let items = findings
        .into_iter()
        .take(MOST_NAMED)
        .map(|(id, severity, title)| {
            let key = format!("{id}@{index}");
            let open = move |_| {
                let key = key.clone();
                session.select(|address| {
                    address.view = View::Findings;
                    address.sort = None;
                    address.search.clear();
                    address.finding = Some(key);
                });
            };
            view! {
                <li class="drawerFinding">
                    <SeverityMark severity />
                    <button type="button" class="linkButton mono" on:click=open>{id}</button>
                    <span class="ellipsis" title=title.clone()>{title.clone()}</span>
                </li>
            }
        })
        .collect_view();
    view! {
        <h3>{t("Findings")}</h3>
        <ul class="drawerFindings">{items}</ul>
        {(more > 0).then(|| view! { <p class="drawerLoading">{and_more(more)}</p> })}
    }
    .into_any()
}
