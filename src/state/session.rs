//! What the page is doing: the address, the scan or report it names, and the policy it is judged by.

use std::{ops::Deref, rc::Rc, sync::Arc, time::Duration};

use jiff::Timestamp;
use lamina_policy::{CustomOutcome, Policy, Remedy, Target, Verdict, Why, vex::Document};
use lamina_report::{
    imports,
    link::{self, SharedReport},
    model::Report,
    verdict,
};
use leptos::prelude::*;

use super::{
    address::{Address, Subject},
    findings::Judged,
    language::{fill, t, text},
    report::ReportStore,
    scan::ScanState,
    settings,
    toasts::Toasts,
    uploads,
};
use crate::{
    browser,
    desk::{self, RuleAnswer, ToolFile},
    platform,
    scanner::{
        self, AdvisoryBytes, LayerProgress, ScanEvent, ScanFailure, ScanHandle, ScanOptions, Source,
    },
};

/// How often a running scan is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// The same where nobody sees it: the title of the tab is enough.
const DRAW_HIDDEN_EVERY: Duration = Duration::from_secs(5);

/// Where a report comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was made in this tab.
    Scanned,
    /// It was kept in this browser.
    Kept,
    /// It came in a link.
    Shared,
    /// It was read from a file of this machine.
    Imported,
}

/// A report on show.
#[derive(Debug)]
pub struct LoadedReport {
    /// The report.
    pub report: Report,
    /// Where it comes from.
    pub origin: Origin,
    /// What asking the advisory database cost, if that was done in this tab.
    pub advisories: Option<AdvisoryBytes>,
}

/// A shared handle to it; equal only to itself, so that comparing is free.
#[derive(Clone, Debug)]
pub struct Loaded(Arc<LoadedReport>);

impl Loaded {
    fn new(report: Report, origin: Origin) -> Self {
        Self(Arc::new(LoadedReport {
            report,
            origin,
            advisories: None,
        }))
    }

    fn scanned(report: Report, advisories: AdvisoryBytes) -> Self {
        Self(Arc::new(LoadedReport {
            report,
            origin: Origin::Scanned,
            advisories: Some(advisories),
        }))
    }
}

impl PartialEq for Loaded {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Deref for Loaded {
    type Target = LoadedReport;

    fn deref(&self) -> &LoadedReport {
        &self.0
    }
}

/// What the page is doing.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// Nothing: the start page.
    Idle,
    /// A kept or shared report is being read.
    Opening,
    /// A scan runs; [`Session::scan`] says how far it is.
    Scanning,
    /// A report is on show.
    Done(Loaded),
    /// There is none.
    Failed(ScanFailure),
    /// The address names an archive whose bytes this tab does not have.
    WantsFile(String),
}

/// The session.
#[derive(Clone, Copy)]
pub struct Session {
    /// The address.
    pub address: RwSignal<Address>,
    /// What the page is doing.
    pub phase: RwSignal<Phase>,
    /// The running scan, or the one that just ended.
    pub scan: RwSignal<ScanState>,
    /// The policy in force.
    pub policy: RwSignal<Policy>,
    /// Other tools' own files, which their cards in the lab judge by.
    pub tool_files: RwSignal<Vec<ToolFile>>,
    /// VEX documents that this tab was given.
    pub vex: RwSignal<Arc<VexFiles>>,
    /// The layer of the report on show that is read again, and how far that is.
    pub again: RwSignal<Option<LayerProgress>>,
    /// Raised when what is kept in this browser has changed.
    pub kept_changes: RwSignal<u32>,
    /// Whether the report on show passes; `None` while there is none.
    pub passed: RwSignal<Option<bool>>,
    inner: StoredValue<Inner, LocalStorage>,
}

#[derive(Default)]
struct Inner {
    /// Raised with every scan or opening: events of earlier ones are not heard.
    generation: u32,
    handle: Option<ScanHandle>,
    pending: ScanState,
    is_draw_due: bool,
    is_keep_due: bool,
    /// The policy in force is a chapter's: it is not kept, and the user's own comes back.
    is_policy_lent: bool,
    file: Option<web_sys::File>,
    /// Whether that is a report rather than an archive.
    is_report: bool,
    /// Reports of this tab, so that back and forward do not scan again; newest last.
    reports: Vec<(Subject, Option<String>, Loaded)>,
    /// The report whose file tree the scanner has.
    has_tree: Option<Loaded>,
}

impl Session {
    /// Begins at the browser's address.
    pub fn start() -> Self {
        let (search, hash) = browser::location();
        let address = Address::parse(&search, &hash);
        let session = Self {
            address: RwSignal::new(address.clone()),
            phase: RwSignal::new(Phase::Idle),
            scan: RwSignal::new(ScanState::default()),
            policy: RwSignal::new(settings::load_policy()),
            tool_files: RwSignal::new(Vec::new()),
            vex: RwSignal::new(Arc::default()),
            again: RwSignal::new(None),
            kept_changes: RwSignal::new(0),
            passed: RwSignal::new(None),
            inner: StoredValue::new_local(Inner::default()),
        };
        session.open(&address, ScanOptions::default());
        browser::on_navigation(move || {
            let (search, hash) = browser::location();
            session.arrive(Address::parse(&search, &hash));
        });
        session
    }

    /// Goes to an address, as a new step that "back" leads back from.
    ///
    /// The tour stays open beside wherever one goes; [`Self::leave_tour`] closes it.
    pub fn go(self, mut address: Address) {
        if address.tour.is_none() {
            (address.tour, address.presents) = self
                .address
                .with_untracked(|current| (current.tour, current.presents));
        }
        browser::set_location(&address.render(), true);
        self.arrive(address);
    }

    /// Goes to an address in place of the current one.
    pub fn replace(self, address: Address) {
        browser::set_location(&address.render(), false);
        self.arrive(address);
    }

    /// Closes the tour; the user's own policy comes back.
    pub fn leave_tour(self) {
        let mut address = self.address.get_untracked();
        address.tour = None;
        address.presents = false;
        browser::set_location(&address.render(), true);
        self.address.set(address);
        self.return_policy();
    }

    /// Judges by a policy for a while: it is not kept as the user's own.
    pub fn lend_policy(self, policy: Policy) {
        self.keep_if_due();
        self.inner.update_value(|inner| inner.is_policy_lent = true);
        self.policy.set(policy);
    }

    /// Judges by the user's own policy again.
    pub fn return_policy(self) {
        let mut was_lent = false;
        self.inner.update_value(|inner| {
            was_lent = std::mem::take(&mut inner.is_policy_lent);
            if was_lent {
                inner.is_keep_due = false;
            }
        });
        if was_lent {
            self.policy.set(settings::load_policy());
        }
    }

    /// Keeps the user's policy now, if it was changed a moment ago.
    fn keep_if_due(self) {
        if self.inner.with_value(|inner| inner.is_keep_due) {
            self.keep_policy();
        }
    }

    /// Changes the view or selection as a new step.
    pub fn select(self, change: impl FnOnce(&mut Address)) {
        let mut address = self.address.get_untracked();
        change(&mut address);
        if address != self.address.get_untracked() {
            self.go(address);
        }
    }

    /// Changes filter or sorting in place: no step for every keystroke.
    pub fn refine(self, change: impl FnOnce(&mut Address)) {
        let mut address = self.address.get_untracked();
        change(&mut address);
        browser::set_location(&address.render(), false);
        self.address.set(address);
    }

    /// Scans an archive of this machine, or opens a report of this or another tool. What is in the file
    /// tells them apart.
    pub fn open_file(self, file: web_sys::File) {
        leptos::task::spawn_local(async move {
            let head = match file.slice_with_f64_and_f64(0.0, HEAD_BYTES) {
                Ok(head) => platform::file_bytes(&head).await,
                Err(_) => Ok(Vec::new()),
            };
            // One that cannot be read fails where that is said.
            let is_report = head.is_ok_and(|head| imports::is_json(&head));
            self.take_file(file, is_report);
        });
    }

    fn take_file(self, file: web_sys::File, is_report: bool) {
        let name = file.name();
        let subject = Subject::Archive(name);
        self.inner.update_value(|inner| {
            inner.file = Some(file);
            inner.is_report = is_report;
            inner.reports.retain(|(kept, _, _)| *kept != subject);
        });
        let address = Address::of(subject, None);
        if self.address.get_untracked() == address {
            self.open(&address, ScanOptions::default());
        } else {
            self.go(address);
        }
    }

    /// Scans an image; the same one again if it is on show already.
    pub fn scan_reference(self, reference: String, platform: Option<String>) {
        let address = Address::of(Subject::Image(reference), platform);
        self.forget(&address);
        if self.address.get_untracked() == address {
            self.open(&address, ScanOptions::default());
        } else {
            self.go(address);
        }
    }

    /// Scans what the address names once more.
    pub fn retry(self, options: ScanOptions) {
        let address = self.address.get_untracked();
        self.forget(&address);
        self.open(&address, options);
    }

    /// Scans the image of the report on show, which may be a kept or shared one.
    pub fn scan_again(self) {
        let address = self.address.get_untracked();
        let Phase::Done(loaded) = self.phase.get_untracked() else {
            return self.retry(ScanOptions::default());
        };
        match (loaded.origin, &address.subject) {
            (Origin::Scanned | Origin::Kept, Subject::Archive(_) | Subject::Image(_))
            | (Origin::Scanned, _) => self.retry(ScanOptions::default()),
            _ => {
                let image = &loaded.report.image;
                let is_reference = lamina_image::reference::Reference::parse(&image.name).is_ok();
                if is_reference && image.digest.is_some() {
                    let platform = (!image.platform.is_empty()).then(|| image.platform.clone());
                    self.scan_reference(image.name.clone(), platform);
                } else {
                    self.go(Address::of(Subject::Archive(image.name.clone()), None));
                }
            }
        }
    }

    /// Whether one layer of the report on show can be read again by itself: its others are at hand, or
    /// are known to this browser, so that a scan reads that one alone.
    pub fn can_read_again(self, loaded: &Loaded) -> bool {
        let subject = self
            .address
            .with_untracked(|address| address.subject.clone());
        self.has_tree(loaded)
            || (matches!(loaded.origin, Origin::Scanned | Origin::Kept)
                && matches!(subject, Subject::Image(_) | Subject::Recent(_))
                && loaded.report.image.digest.is_some())
    }

    /// Reads one layer that could not be read again: of the running scan, or of the report on show, which
    /// is then shown with what the layer holds.
    pub fn read_again(self, layer: usize, toasts: Toasts) {
        let loaded = match self.phase.get_untracked() {
            Phase::Scanning => {
                return self.inner.with_value(|inner| {
                    if let Some(handle) = &inner.handle {
                        handle.try_again(layer);
                    }
                });
            }
            Phase::Done(loaded) => loaded,
            _ => return,
        };
        if !self.has_tree(&loaded) {
            return self.scan_again();
        }
        if self.again.get_untracked().is_some() {
            return;
        }
        let begun = LayerProgress {
            layer,
            ..LayerProgress::default()
        };
        self.again.set(Some(begun));
        let address = self.address.get_untracked();
        leptos::task::spawn_local(async move {
            let answer = scanner::read_layer_again(layer, move |progress| {
                self.again.set(Some(progress));
            })
            .await;
            self.again.set(None);
            let number = layer.to_string();
            match answer {
                // Another image was scanned meanwhile: there is nothing to be completed.
                Ok(_) if !self.has_tree(&loaded) => {}
                Ok((report, advisories)) => {
                    let read = report.layers.get(layer);
                    let text = match read.and_then(|layer| layer.error.as_ref()) {
                        None => fill(
                            t("Layer {layer} is read, and the report has what it holds"),
                            &[("layer", &number)],
                        ),
                        Some(error) => fill(
                            t("Layer {layer} could not be read this time either: {error}"),
                            &[("layer", &number), ("error", error)],
                        ),
                    };
                    self.complete(&address, &loaded, Loaded::scanned(report, advisories));
                    toasts.show(text);
                    request_animation_frame(move || browser::focus(&format!("stratum-{layer}")));
                }
                Err(failure) => toasts.show(fill(
                    t("Layer {layer} could not be read this time either: {error}"),
                    &[("layer", &number), ("error", &failure.message)],
                )),
            }
        });
    }

    /// Puts a report in the place of the one that lacked something.
    fn complete(self, address: &Address, before: &Loaded, loaded: Loaded) {
        self.inner
            .update_value(|inner| inner.has_tree = Some(loaded.clone()));
        self.keep(address, loaded.clone());
        let is_shown = matches!(self.phase.get_untracked(), Phase::Done(shown) if shown == *before);
        if is_shown {
            self.phase.set(Phase::Done(loaded));
        }
        self.kept_has_changed();
    }

    /// Forgets the reports of this tab that are not on show: the ones kept in this browser were matched
    /// again.
    pub fn forget_matched(self) {
        let shown = match self.phase.get_untracked() {
            Phase::Done(loaded) => Some(loaded),
            _ => None,
        };
        self.inner.update_value(|inner| {
            inner
                .reports
                .retain(|(_, _, loaded)| Some(loaded) == shown.as_ref());
        });
        self.kept_has_changed();
    }

    /// Says that what is kept in this browser has changed.
    pub fn kept_has_changed(self) {
        self.kept_changes
            .update(|changes| *changes = changes.wrapping_add(1));
    }

    /// Stops the scan and goes back to the start page.
    pub fn cancel(self) {
        self.stop();
        self.go(Address::home());
    }

    /// Whether the scanner still has the file tree of this report.
    pub fn has_tree(self, loaded: &Loaded) -> bool {
        self.inner
            .with_value(|inner| inner.has_tree.as_ref() == Some(loaded))
    }

    /// Changes the policy; the user's own is kept, a link's is not.
    pub fn set_policy(self, change: impl FnOnce(&mut Policy)) {
        self.policy.update(change);
        let mut must_wait = false;
        self.inner.update_value(|inner| {
            must_wait = std::mem::replace(&mut inner.is_keep_due, true);
        });
        if !must_wait {
            // Not for every step of a slider: a policy may have thousands of exceptions.
            browser::after(KEEP_AFTER, move || self.keep_policy());
        }
    }

    fn keep_policy(self) {
        let mut is_lent = false;
        self.inner.update_value(|inner| {
            inner.is_keep_due = false;
            is_lent = inner.is_policy_lent;
        });
        let is_shared = matches!(self.phase.get_untracked(), Phase::Done(loaded) if loaded.origin == Origin::Shared);
        if !is_shared && !is_lent {
            self.policy.with_untracked(settings::keep_policy);
        }
    }

    /// Has a tool's card judge by the tool's own file.
    pub fn add_tool_file(self, file: ToolFile) {
        self.tool_files.update(|files| {
            files.retain(|other| other.settings.tool() != file.settings.tool());
            files.push(file);
        });
    }

    /// Has a tool's card judge by the policy again.
    pub fn forget_tool_file(self, tool: &str) {
        self.tool_files
            .update(|files| files.retain(|other| other.settings.tool() != tool));
    }

    /// Makes a tool's own file the policy.
    pub fn adopt_tool_file(self, tool: &str, toasts: Toasts) {
        let file = self.tool_files.with_untracked(|files| {
            let mut files = files.iter();
            files.find(|file| file.settings.tool() == tool).cloned()
        });
        let Some(file) = file else { return };
        let translated = file.settings.to_policy();
        self.set_policy(|policy| *policy = translated.value);
        self.forget_tool_file(tool);
        match translated.lost.as_slice() {
            [] => toasts.show(fill(t("{file} is the policy now"), &[("file", &file.name)])),
            lost => toasts.show(fill(
                t("{file} is the policy now, but: {lost}"),
                &[("file", &file.name), ("lost", &lost.join("; "))],
            )),
        }
    }

    /// Takes a VEX document into account, and answers how many statements it has.
    ///
    /// # Errors
    /// In words, when it is none, or there are too many.
    pub fn add_vex(self, name: &str, text: &str) -> Result<usize, String> {
        let document = Document::parse(text.as_bytes()).map_err(|error| error.to_string())?;
        let count = document.len();
        let mut files = self.vex.get_untracked().as_ref().clone();
        files.remove(name);
        if files.documents.len() >= MOST_VEX_FILES {
            return Err(fill(
                t("at most {n} VEX documents"),
                &[("n", &MOST_VEX_FILES.to_string())],
            ));
        }
        files.sources.push((name.to_owned(), text.to_owned()));
        files.documents.push(document);
        self.vex.set(Arc::new(files));
        Ok(count)
    }

    /// Takes a VEX document out again.
    pub fn forget_vex(self, name: &str) {
        let mut files = self.vex.get_untracked().as_ref().clone();
        files.remove(name);
        self.vex.set(Arc::new(files));
    }

    /// Lends the report as policies see it, with the statements of the VEX documents.
    pub fn with_subject<T>(
        self,
        store: ReportStore,
        read: impl FnOnce(&lamina_policy::Subject<'_>) -> T,
    ) -> T {
        let vex = self.vex.get();
        let answers = store.custom.get();
        store.with(|report| with_subject(report, &vex, &answers, read))
    }

    fn arrive(self, address: Address) {
        let is_same_report = self
            .address
            .with_untracked(|current| current.is_same_report(&address));
        self.address.set(address.clone());
        if !is_same_report {
            self.open(&address, ScanOptions::default());
        }
    }

    fn forget(self, address: &Address) {
        self.inner.update_value(|inner| {
            inner.reports.retain(|(subject, platform, _)| {
                (subject, platform) != (&address.subject, &address.platform)
            });
        });
    }

    fn stop(self) {
        self.inner.update_value(|inner| {
            inner.generation = inner.generation.wrapping_add(1);
            if let Some(handle) = inner.handle.take() {
                handle.cancel();
            }
        });
    }

    fn open(self, address: &Address, options: ScanOptions) {
        let was_shared = matches!(self.phase.get_untracked(), Phase::Done(loaded) if loaded.origin == Origin::Shared);
        if was_shared {
            if !self.inner.with_value(|inner| inner.is_policy_lent) {
                self.policy.set(settings::load_policy());
            }
            self.vex.set(Arc::default());
        }
        self.stop();
        let kept = self.inner.with_value(|inner| {
            let mut reports = inner.reports.iter();
            reports
                .find(|(subject, platform, _)| {
                    (subject, platform) == (&address.subject, &address.platform)
                })
                .map(|(_, _, loaded)| loaded.clone())
        });
        if let Some(loaded) = kept {
            self.phase.set(Phase::Done(loaded));
            return;
        }
        match &address.subject {
            Subject::Home => match browser::embedded("lamina-report") {
                // The page came as one file, with its report.
                Some(json) => match link::read_json(json.as_bytes()) {
                    Ok(shared) => self.show_shared(shared),
                    Err(error) => self.phase.set(Phase::Failed(ScanFailure {
                        step: "file".to_owned(),
                        message: error.to_string(),
                        advice: t("ask for the file again").to_owned(),
                        wants_login: false,
                    })),
                },
                None => self.phase.set(Phase::Idle),
            },
            Subject::Image(reference) => {
                let parsed = match lamina_image::reference::Reference::parse(reference) {
                    Ok(parsed) => parsed,
                    Err(error) => {
                        self.phase.set(Phase::Failed(ScanFailure {
                            step: "name".to_owned(),
                            message: error.to_string(),
                            advice: t("Write it as Docker does: name:tag, or registry/name:tag; nginx:1.25 for instance").to_owned(),
                            wants_login: false,
                        }));
                        return;
                    }
                };
                let platform = address.platform.clone();
                let options = ScanOptions {
                    platform: platform.or_else(settings::default_platform),
                    login: (options.login).or_else(|| settings::login_for(parsed.registry())),
                    ..options
                };
                self.begin(address, Source::Reference(reference.clone()), options);
            }
            Subject::Archive(name) => {
                let (file, is_report) = self
                    .inner
                    .with_value(|inner| (inner.file.clone(), inner.is_report));
                match file.filter(|file| file.name() == *name) {
                    Some(file) if is_report => self.open_report(address.clone(), file),
                    Some(file) => {
                        let options = ScanOptions {
                            platform: address.platform.clone(),
                            ..options
                        };
                        self.begin(address, Source::File(file), options);
                    }
                    None => self.phase.set(Phase::WantsFile(name.clone())),
                }
            }
            Subject::Recent(key) => self.open_kept(address.clone(), key.clone()),
            Subject::Shared(payload) => self.open_shared(payload.clone()),
            Subject::Uploaded(text) => self.open_uploaded(text.clone()),
        }
    }

    fn begin(self, address: &Address, source: Source, options: ScanOptions) {
        let scan = ScanState::new(platform::monotonic_ms());
        self.scan.set(scan.clone());
        self.inner.update_value(|inner| {
            inner.pending = scan;
            inner.has_tree = None;
        });
        self.phase.set(Phase::Scanning);
        let generation = self.inner.with_value(|inner| inner.generation);
        let address = Rc::new(address.clone());
        let handle = scanner::scan(source, options, move |event| {
            let is_current = self
                .inner
                .try_with_value(|inner| inner.generation == generation);
            if is_current == Some(true) {
                self.hear(&address, event);
            }
        });
        self.inner.update_value(|inner| inner.handle = Some(handle));
    }

    fn hear(self, address: &Address, event: ScanEvent) {
        match event {
            ScanEvent::Done(report, advisories) => {
                let before = self.inner.with_value(|inner| {
                    let so_far = inner.pending.so_far.as_ref();
                    so_far.map_or(0, |found| found.fetched)
                });
                let loaded = Loaded::scanned(*report, advisories.with_fetched_before(before));
                self.inner.update_value(|inner| {
                    inner.handle = None;
                    inner.has_tree = Some(loaded.clone());
                });
                self.keep(address, loaded.clone());
                self.phase.set(Phase::Done(loaded));
                self.kept_has_changed();
            }
            ScanEvent::Failed(failure) => {
                self.inner.update_value(|inner| inner.handle = None);
                self.phase.set(Phase::Failed(failure));
            }
            event => {
                let now_ms = platform::monotonic_ms();
                let mut must_wait = false;
                self.inner.update_value(|inner| {
                    inner.pending.apply(event, now_ms);
                    must_wait = std::mem::replace(&mut inner.is_draw_due, true);
                });
                if !must_wait {
                    let pause = match browser::is_hidden() {
                        true => DRAW_HIDDEN_EVERY,
                        false => DRAW_EVERY,
                    };
                    browser::after(pause, move || self.draw());
                }
            }
        }
    }

    /// Shows that time goes on, though nothing arrives.
    pub fn tick(self) {
        if !browser::is_hidden() && self.phase.with_untracked(|phase| *phase == Phase::Scanning) {
            self.scan.update(|scan| scan.tick(platform::monotonic_ms()));
        }
    }

    fn draw(self) {
        let mut scan = ScanState::default();
        self.inner.update_value(|inner| {
            inner.is_draw_due = false;
            scan = inner.pending.clone();
        });
        self.scan.set(scan);
    }

    fn keep(self, address: &Address, loaded: Loaded) {
        self.inner.update_value(|inner| {
            inner.reports.retain(|(subject, platform, _)| {
                (subject, platform) != (&address.subject, &address.platform)
            });
            inner
                .reports
                .push((address.subject.clone(), address.platform.clone(), loaded));
            if inner.reports.len() > 4 {
                inner.reports.remove(0);
            }
        });
    }

    fn open_kept(self, address: Address, key: String) {
        self.phase.set(Phase::Opening);
        let generation = self.inner.with_value(|inner| inner.generation);
        leptos::task::spawn_local(async move {
            let report = scanner::load_recent(key).await;
            if self.inner.with_value(|inner| inner.generation) != generation {
                return;
            }
            match report {
                Some(report) => {
                    let loaded = Loaded::new(report, Origin::Kept);
                    self.keep(&address, loaded.clone());
                    self.phase.set(Phase::Done(loaded));
                }
                None => self.phase.set(Phase::Failed(ScanFailure {
                    step: "kept report".to_owned(),
                    message: t("this report is no longer kept in this browser").to_owned(),
                    advice: t("scan the image again").to_owned(),
                    wants_login: false,
                })),
            }
        });
    }

    fn open_report(self, address: Address, file: web_sys::File) {
        self.phase.set(Phase::Opening);
        let generation = self.inner.with_value(|inner| inner.generation);
        leptos::task::spawn_local(async move {
            let report = desk::import_report(file).await;
            if self.inner.with_value(|inner| inner.generation) != generation {
                return;
            }
            match report {
                Ok(report) => {
                    let loaded = Loaded::new(report, Origin::Imported);
                    self.keep(&address, loaded.clone());
                    self.phase.set(Phase::Done(loaded));
                }
                Err(message) => self.phase.set(Phase::Failed(ScanFailure {
                    step: "report".to_owned(),
                    message,
                    advice: t("open a report in JSON or SARIF, or an archive of an image")
                        .to_owned(),
                    wants_login: false,
                })),
            }
        });
    }

    fn open_shared(self, payload: String) {
        self.phase.set(Phase::Opening);
        let generation = self.inner.with_value(|inner| inner.generation);
        leptos::task::spawn_local(async move {
            let opened = desk::open_link(payload).await;
            if self.inner.with_value(|inner| inner.generation) != generation {
                return;
            }
            match opened {
                Ok(shared) => self.show_shared(shared),
                Err(message) => self.phase.set(Phase::Failed(ScanFailure {
                    step: "link".to_owned(),
                    message,
                    advice: t("ask for the link again, or scan the image yourself").to_owned(),
                    wants_login: false,
                })),
            }
        });
    }

    fn open_uploaded(self, text: String) {
        self.phase.set(Phase::Opening);
        let generation = self.inner.with_value(|inner| inner.generation);
        leptos::task::spawn_local(async move {
            let opened = uploaded(&text).await;
            if self.inner.with_value(|inner| inner.generation) != generation {
                return;
            }
            match opened {
                Ok(shared) => self.show_shared(shared),
                Err(message) => self.phase.set(Phase::Failed(ScanFailure {
                    step: "share".to_owned(),
                    message,
                    advice: t("ask for the report again, or scan the image yourself").to_owned(),
                    wants_login: false,
                })),
            }
        });
    }

    /// Shows a report that came with its policy and VEX documents.
    fn show_shared(self, shared: SharedReport) {
        self.policy.set(shared.policy);
        self.vex.set(Arc::default());
        for (name, text) in shared.vex {
            // One that cannot be read was made by a newer Lamina: it then does not count.
            let _ = self.add_vex(&name, &text);
        }
        self.phase
            .set(Phase::Done(Loaded::new(shared.report, Origin::Shared)));
    }
}

/// Fetches and decrypts an uploaded report.
async fn uploaded(text: &str) -> Result<SharedReport, String> {
    let (id, key) = uploads::parse_link(text).ok_or(t("the link is cut off"))?;
    let sealed = platform::shares::fetch(&id).await?;
    let bytes = platform::seal::open(&key, &sealed).await?;
    link::read_deflated(&bytes).map_err(|error| error.to_string())
}

/// Bytes at the beginning of a file that tell whether it is JSON.
const HEAD_BYTES: f64 = 64.0;

/// How long a change of the policy waits until it is kept.
const KEEP_AFTER: Duration = Duration::from_millis(400);

/// VEX documents that are taken into account at once.
const MOST_VEX_FILES: usize = 20;

/// The VEX documents that this tab was given.
#[derive(Clone, Debug, Default)]
pub struct VexFiles {
    /// Name and text of each, which a share link carries.
    pub sources: Vec<(String, String)>,
    /// What each says, in the same order.
    pub documents: Vec<Document>,
}

impl VexFiles {
    fn remove(&mut self, name: &str) {
        if let Some(index) = self.sources.iter().position(|(other, _)| other == name) {
            self.sources.remove(index);
            self.documents.remove(index);
        }
    }
}

/// Lends a report as policies see it, with the statements of VEX documents and what custom rules say.
pub fn with_subject<T>(
    report: &Report,
    files: &VexFiles,
    answers: &[RuleAnswer],
    read: impl FnOnce(&lamina_policy::Subject<'_>) -> T,
) -> T {
    let custom = answers
        .iter()
        .map(|answer| CustomOutcome {
            name: &answer.name,
            level: answer.level,
            reason: answer.reason.clone(),
        })
        .collect();
    let subject = verdict::subject_with(report, &files.documents, custom);
    read(&subject)
}

/// Today, `2026-11-30`, in UTC.
pub fn today() -> String {
    let now = now().to_string();
    now.get(..10).unwrap_or_default().to_owned()
}

/// Why a finding does not count, or counts again; nothing if neither.
pub fn standing_words(policy: &Policy, verdict: &Verdict, finding: usize) -> Option<String> {
    let because = |sentence: String, reason: &Option<String>| match reason {
        Some(reason) => format!("{sentence}: {reason}"),
        None => sentence,
    };
    let expired = verdict.expired.iter().find(|(index, _)| *index == finding);
    if let Some(exception) = expired.and_then(|(_, index)| policy.exceptions.get(*index)) {
        let expiry = exception
            .expires
            .as_ref()
            .or(policy.exceptions_expire.as_ref());
        let sentence = match expiry {
            Some(expiry) => fill(
                t("It counts again: its exception expired after {day}"),
                &[("day", &expiry.to_string())],
            ),
            None => t("It counts again: its exception expired").to_owned(),
        };
        return Some(because(sentence, &exception.reason));
    }
    let mut left_out = verdict.left_out.iter();
    let why = left_out
        .find(|left_out| left_out.what == Target::Finding(finding))?
        .why;
    Some(match why {
        Why::Exception(index) => {
            let exception = policy.exceptions.get(index)?;
            let until = exception
                .expires
                .as_ref()
                .or(policy.exceptions_expire.as_ref());
            let until = until.map(ToString::to_string);
            let sentence = match (&exception.author, &until) {
                (None, None) => text("It does not count: excepted"),
                (Some(_), None) => text("It does not count: excepted by {author}"),
                (None, Some(_)) => text("It does not count: excepted until {day}"),
                (Some(_), Some(_)) => text("It does not count: excepted by {author} until {day}"),
            };
            let sentence = fill(
                t(sentence),
                &[
                    ("author", exception.author.as_deref().unwrap_or_default()),
                    ("day", until.as_deref().unwrap_or_default()),
                ],
            );
            because(sentence, &exception.reason)
        }
        Why::Vex(index) => fill(
            t("It does not count. {statement}"),
            &[("statement", verdict.statements.get(index)?)],
        ),
        Why::Base => t("It does not count: the base image brought it, which the policy leaves out")
            .to_owned(),
        Why::Unfixed => t("It does not count: the policy asks only for what has a fix").to_owned(),
        Why::Status => t("It does not count: the policy leaves its status out").to_owned(),
        Why::Grace => t("It does not count yet: the policy gives some days to act").to_owned(),
    })
}

/// How many findings and issues do not count, and why.
pub fn left_out_words(verdict: &Verdict) -> String {
    let count = |test: fn(Why) -> bool| {
        let left_out = verdict.left_out.iter();
        left_out.filter(|left_out| test(left_out.why)).count()
    };
    let parts: Vec<String> = [
        (
            count(|why| matches!(why, Why::Exception(_))),
            text("{n} excepted"),
        ),
        (
            count(|why| matches!(why, Why::Vex(_))),
            text("{n} answered by VEX"),
        ),
        (count(|why| why == Why::Base), text("{n} of the base image")),
        (count(|why| why == Why::Unfixed), text("{n} without a fix")),
        (
            count(|why| why == Why::Status),
            text("{n} of a status that is left out"),
        ),
        (count(|why| why == Why::Grace), text("{n} in grace")),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, words)| fill(t(words), &[("n", &count.to_string())]))
    .collect();
    fill(t("Not counted: {parts}"), &[("parts", &parts.join(", "))])
}

/// The current time for policies.
pub fn now() -> Timestamp {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "milliseconds since 1970 fit in 53 bits"
    )]
    let milliseconds = platform::now_ms() as i64;
    Timestamp::from_millisecond(milliseconds).unwrap_or_default()
}

/// The verdict on a report, what it says of each finding, and what would make it pass.
pub fn judge(
    report: &Report,
    policy: &Policy,
    vex: &VexFiles,
    answers: &[RuleAnswer],
) -> (Verdict, Judged, Remedy) {
    let (verdict, remedy) = with_subject(report, vex, answers, |subject| {
        let verdict = lamina_policy::evaluate(policy, subject, now());
        let remedy = Remedy::of(&verdict, subject);
        (verdict, remedy)
    });
    let mut judged = Judged {
        fails: vec![false; report.findings.len()],
        is_excepted: vec![false; report.findings.len()],
    };
    let failing = verdict
        .rules
        .iter()
        .filter(|rule| rule.is_failed())
        .flat_map(|rule| &rule.findings);
    for index in failing {
        if let Some(flag) = judged.fails.get_mut(*index) {
            *flag = true;
        }
    }
    for left_out in &verdict.left_out {
        if let (Target::Finding(index), Why::Exception(_)) = (left_out.what, left_out.why)
            && let Some(flag) = judged.is_excepted.get_mut(index)
        {
            *flag = true;
        }
    }
    (verdict, judged, remedy)
}
