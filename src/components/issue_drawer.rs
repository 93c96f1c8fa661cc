//! One issue in full.

use lamina_report::model::Issue;
use leptos::prelude::*;

use super::{
    drawer::{Drawer, LayerLink, fact},
    file_drawer::OpenFileButton,
    severity::SeverityMark,
};
use crate::state::{issues, language::t, report::ReportStore};

/// The drawer.
#[component]
pub fn IssueDrawer(
    /// The issue, as an index into the report.
    opened: Memo<Option<usize>>,
    /// Closes it.
    on_close: Callback<()>,
    /// Goes to the next one (true) or the one before.
    on_step: Callback<bool>,
) -> impl IntoView {
    let store = expect_context::<ReportStore>();
    let content = move || {
        let index = opened.get()?;
        let issue = store.with(|report| report.issues.get(index).cloned())?;
        Some(view! { <IssueText issue /> })
    };
    view! {
        <Drawer is_open=Signal::derive(move || opened.get().is_some()) turns=(t("Previous issue"), t("Next issue")) on_close on_step>
            {content}
        </Drawer>
    }
}

#[component]
fn IssueText(issue: Issue) -> impl IntoView {
    let place = issue.place;
    view! {
        <div class="drawerText" data-test="issue-drawer">
            <div class="drawerMarks">
                <SeverityMark severity=issue.severity />
                <span class="tag">{issues::kind_word(issue.kind)}</span>
            </div>
            <h2 class="drawerTitle" id="drawer-title" tabindex="-1">{issue.title}</h2>
            {issue.advice.map(|advice| view! { <p class="drawerRemedy">{advice}</p> })}

            <h3>"Why it is reported"</h3>
            {issue.excerpt.map(|excerpt| view! { <pre class="drawerExcerpt"><code>{excerpt}</code></pre> })}
            <dl class="facts">{fact("Rule", view! { <span class="mono">{issue.rule}</span> })}</dl>

            <h3>"Where it is"</h3>
            {place.file.clone().map(|path| view! { <OpenFileButton path layer=place.layer lines=place.lines /> })}
            <dl class="facts">
                {fact("Place", view! { <span class="mono">{issues::place(&place)}</span> })}
                {place.layer.map(|layer| fact("Brought by", view! { <LayerLink layer /> }))}
                {place.removed_in.map(|layer| fact("Deleted in", view! {
                    <LayerLink layer />
                    <p class="drawerStill">"Whoever has the image can still read it in the layers below"</p>
                }))}
            </dl>
        </div>
    }
}
