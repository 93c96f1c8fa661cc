//! The report on show: what is derived from it, the address and the policy.

use std::{sync::Arc, time::Duration};

use lamina_policy::{CustomRule, Level, Remedy, Verdict};
use lamina_report::{
    fixes::{self, Plan},
    model::{Package, Report},
};
use leptos::prelude::*;

use super::{
    address::View,
    advice::{self, Advice},
    counts::{self, Counts},
    findings::{self, Filter, Haystacks, Judged, Sort},
    issues,
    language::t,
    packages,
    session::{self, Loaded, Session},
    steps,
};
use crate::{
    browser,
    desk::{self, RuleAnswer},
};

/// Rows of a table, and what of the search was not understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Indexes into the report's list, in order.
    pub list: Arc<Vec<usize>>,
    /// What of the search was not understood.
    pub problems: Vec<String>,
}

/// What the policy says.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// The same by finding.
    pub judged: Judged,
    /// Layers behind it.
    pub advice: Advice,
    /// What would make it pass.
    pub remedy: Remedy,
}

/// The report on show. Everything but the report itself is derived.
#[derive(Clone, Copy)]
pub struct ReportStore {
    loaded: StoredValue<Loaded>,
    haystacks: StoredValue<Arc<Haystacks>>,
    by_package: StoredValue<Arc<Vec<Counts>>>,
    /// What the policy's custom rules say.
    pub custom: RwSignal<Arc<Vec<RuleAnswer>>>,
    /// What the policy says.
    pub judgement: Memo<Arc<Judgement>>,
    /// Raised some moments after the judgement changed for the last time: for what may lag behind a
    /// slider.
    pub settled: RwSignal<u32>,
    /// Findings to show.
    pub findings: Memo<Rows>,
    /// Issues to show.
    pub issues: Memo<Rows>,
    /// Packages to show.
    pub packages: Memo<Rows>,
    /// Whether packages that a later layer removed are shown.
    pub with_removed: RwSignal<bool>,
    /// Whether packages that a lock file merely names are shown.
    pub with_declared: RwSignal<bool>,
    /// The selected layer, if the report has it.
    pub layer: Memo<Option<usize>>,
    /// The first layer that is shown: that above the base image where the base is hidden.
    pub from_layer: Memo<usize>,
    /// The upgrades that remove findings.
    pub plan: Memo<Arc<Plan>>,
}

impl ReportStore {
    /// For a report.
    pub fn new(session: Session, loaded: Loaded) -> Self {
        let haystacks = Arc::new(Haystacks::of_findings(&loaded.report));
        let by_package = Arc::new(packages::findings_by_package(&loaded.report));
        let custom = custom_answers(session, &loaded);
        let report = loaded.clone();
        let judgement = Memo::new(move |_| {
            let vex = session.vex.get();
            let (verdict, judged, remedy) = session
                .policy
                .with(|policy| session::judge(&report.report, policy, &vex, &custom.get()));
            let advice = advice::advise(&report.report, &verdict);
            Arc::new(Judgement {
                verdict,
                judged,
                advice,
                remedy,
            })
        });
        let layers = loaded.report.layers.len();
        let layer = Memo::new(move |_| {
            session
                .address
                .with(|address| address.layer)
                .filter(|layer| *layer < layers)
        });
        let base = loaded.report.base.as_ref().map_or(0, |base| base.layers);
        let from_layer = Memo::new(move |_| {
            let hides_base = session.address.with(|address| address.hides_base);
            if hides_base { base } else { 0 }
        });
        let report = loaded.clone();
        let plan = Memo::new(move |_| Arc::new(fixes::plan(&report.report)));
        let view = Memo::new(move |_| session.address.with(|address| address.view));
        let sort = Memo::new(move |_| session.address.with(|address| address.sort.clone()));
        let search = Memo::new(move |_| session.address.with(|address| address.search.clone()));
        let severities =
            Memo::new(move |_| session.address.with(|address| address.severities.clone()));

        let (report, index) = (loaded.clone(), Arc::clone(&haystacks));
        let findings = Memo::new(move |_| {
            let (search, sort) = match view.get() {
                View::Findings => (search.get(), sort.get()),
                _ => (String::new(), None),
            };
            let severities = match view.get() {
                View::Issues => Vec::new(),
                _ => severities.get(),
            };
            let filter = Filter {
                search: &search,
                severities: &severities,
                layer: layer.get(),
                from_layer: from_layer.get(),
            };
            // A slider that moves changes the verdict; the list only if its search asks for that.
            let asks = ["fails", "excepted"]
                .iter()
                .any(|word| search.contains(word));
            let judgement = match asks {
                true => judgement.get(),
                false => judgement.get_untracked(),
            };
            let sort = Sort::<findings::Column>::parse(sort.as_deref());
            let (list, problems) =
                findings::select(&report.report, &index, &judgement.judged, filter, sort);
            Rows {
                list: Arc::new(list),
                problems,
            }
        });
        let report = loaded.clone();
        let issues = Memo::new(move |_| {
            let (search, sort, severities) = match view.get() {
                View::Issues => (search.get(), sort.get(), severities.get()),
                _ => (String::new(), None, Vec::new()),
            };
            let filter = issues::Filter {
                search: &search,
                severities: &severities,
                layer: layer.get(),
                from_layer: from_layer.get(),
            };
            let sort = Sort::<issues::Column>::parse(sort.as_deref());
            let (list, problems) = issues::select(&report.report, filter, sort);
            Rows {
                list: Arc::new(list),
                problems,
            }
        });
        let with_removed = RwSignal::new(false);
        let with_declared = RwSignal::new(false);
        let (report, counts) = (loaded.clone(), Arc::clone(&by_package));
        let packages = Memo::new(move |_| {
            let (search, sort) = match view.get() {
                View::Packages => (search.get(), sort.get()),
                _ => (String::new(), None),
            };
            let sort = Sort::<packages::Column>::parse(sort.as_deref());
            let filter = packages::Filter {
                search: &search,
                layer: layer.get(),
                from_layer: from_layer.get(),
                with_removed: with_removed.get(),
                with_declared: with_declared.get(),
            };
            let (list, problems) = packages::select(&report.report, &counts, filter, sort);
            Rows {
                list: Arc::new(list),
                problems,
            }
        });
        let settled = settled(judgement);
        Self {
            settled,
            loaded: StoredValue::new(loaded),
            haystacks: StoredValue::new(haystacks),
            by_package: StoredValue::new(by_package),
            custom,
            judgement,
            findings,
            issues,
            packages,
            with_removed,
            with_declared,
            layer,
            from_layer,
            plan,
        }
    }

    /// The report and where it comes from.
    pub fn loaded(self) -> Loaded {
        self.loaded.get_value()
    }

    /// Reads the report.
    pub fn with<T>(self, read: impl FnOnce(&Report) -> T) -> T {
        self.loaded.with_value(|loaded| read(&loaded.report))
    }

    /// Findings of one package.
    pub fn counts_of(self, package: usize) -> Counts {
        self.by_package
            .with_value(|counts| counts.get(package).copied().unwrap_or_default())
    }

    /// Findings of the selected layer, or of all.
    pub fn counts(self) -> Counts {
        let layer = self.layer.get();
        let from_layer = self.from_layer.get();
        self.with(|report| counts::of(report, layer, from_layer))
    }

    /// The package at an index, if there is one.
    pub fn package(self, index: usize) -> Option<Package> {
        self.with(|report| report.packages.get(index).cloned())
    }

    /// The build step that made a layer, on one line.
    pub fn layer_line(self, layer: usize) -> String {
        self.with(|report| {
            report
                .layers
                .get(layer)
                .map(|layer| steps::parse(&layer.created_by).line())
                .unwrap_or_default()
        })
    }

    /// What plain words are searched in.
    pub fn haystacks(self) -> Arc<Haystacks> {
        self.haystacks.get_value()
    }
}

/// How long the judgement must stay as it is to be called settled.
const SETTLES_AFTER: Duration = Duration::from_millis(60);

fn settled(judgement: Memo<Arc<Judgement>>) -> RwSignal<u32> {
    let settled = RwSignal::new(0);
    let changes = StoredValue::new(0_u32);
    Effect::new(move |_| {
        judgement.track();
        let change = changes.get_value().wrapping_add(1);
        changes.set_value(change);
        browser::after(SETTLES_AFTER, move || {
            if changes.try_get_value() == Some(change) {
                settled.set(change);
            }
        });
    });
    settled
}

/// What rules in Rego say of a report: those that cannot be judged fail.
pub async fn rule_answers(rules: Vec<CustomRule>, report: &Report) -> Vec<RuleAnswer> {
    if rules.is_empty() {
        return Vec::new();
    }
    let report = serde_json::to_string(report).unwrap_or_default();
    let now = session::now().to_string();
    let judged = desk::judge_rules(rules.clone(), report, now).await;
    judged.unwrap_or_else(|problem| all_fail(&rules, &problem))
}

fn all_fail(rules: &[CustomRule], reason: &str) -> Vec<RuleAnswer> {
    let fail = |rule: &CustomRule| RuleAnswer {
        name: rule.name.clone(),
        level: Level::Failed,
        reason: reason.to_owned(),
    };
    rules.iter().map(fail).collect()
}

/// What the policy's custom rules say of the report: asked of the desk anew whenever one changes. Until
/// it has answered a rule fails, as one does that cannot be judged.
fn custom_answers(session: Session, loaded: &Loaded) -> RwSignal<Arc<Vec<RuleAnswer>>> {
    let answers = RwSignal::new(Arc::new(Vec::new()));
    let rules = Memo::new(move |_| session.policy.with(|policy| policy.rules.clone()));
    let asked = StoredValue::new(0_u32);
    let loaded = loaded.clone();
    Effect::new(move |_| {
        let rules = rules.get();
        let number = asked.get_value().wrapping_add(1);
        asked.set_value(number);
        answers.set(Arc::new(all_fail(&rules, t("it is being judged"))));
        if rules.is_empty() {
            return;
        }
        let loaded = loaded.clone();
        leptos::task::spawn_local(async move {
            let judged = rule_answers(rules, &loaded.report).await;
            // The report may be gone by now, and another question asked.
            if asked.try_get_value() != Some(number) {
                return;
            }
            answers.set(Arc::new(judged));
        });
    });
    answers
}
