//! The VEX documents that this tab was given.

use leptos::prelude::*;

use super::policies::FilePicker;
use crate::{
    components::icons::{CLOSE, Icon},
    state::{
        language::{fill, t},
        session::Session,
        words,
    },
};

/// The list.
#[component]
pub fn VexList() -> impl IntoView {
    let session = expect_context::<Session>();
    let rows = move || {
        let files = session.vex.get();
        let rows = files.sources.iter().zip(&files.documents).map(|((name, _), document)| {
            let name = name.clone();
            let shown = name.clone();
            let about = format!(
                "{}{}, {}",
                document.format(),
                document.author().map(|author| format!(" of {author}")).unwrap_or_default(),
                words::plural(document.len(), "statement")
            );
            let label = fill(t("Leave {name} out again"), &[("name", &name)]);
            view! {
                <li class="labVexFile">
                    <span class="mono">{shown}</span>
                    <span class="labReason">{about}</span>
                    <button type="button" class="iconButton" aria-label=label title=t("Leave it out again") on:click=move |_| session.forget_vex(&name)>
                        <Icon path=CLOSE />
                    </button>
                </li>
            }
        });
        rows.collect_view()
    };
    view! {
        <section class="labSection" data-test="vex" aria-labelledby="vex-title">
            <div class="labSectionHead">
                <h3 class="labTitle" id="vex-title">{t("VEX")}</h3>
                <FilePicker label=t("Open a VEX document…") />
            </div>
            <p class="labLead">{t("What vendors say of vulnerabilities in this image: OpenVEX, CSAF or CycloneDX. What they call not affected or fixed does not count. Signatures are not checked.")}</p>
            <ul class="labVex">{rows}</ul>
        </section>
    }
}
