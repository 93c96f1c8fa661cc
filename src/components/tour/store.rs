//! What the tour knows, and what it does to the page.

use std::{sync::Arc, time::Duration};

use lamina_policy::Policy;
use leptos::prelude::*;

use crate::{
    browser,
    desk::{self, PolicyFile},
    platform,
    state::{
        address::{Address, Subject},
        counts,
        database::DatabaseStore,
        policies,
        session::{Phase, Session},
        tour::{Chapter, Done, Facts, Index, MAX_CHAPTER_BYTES, Place, PolicyChoice, Progress},
    },
};

/// Where the steps that are done are kept.
const KEY: &str = "lamina.tour";

/// Bytes of `tour/index.json`, and of a policy beside the chapters.
const MAX_FILE_BYTES: usize = 256 << 10;

/// After a chapter has begun, the page settles first: the verdict on show may still be that of the
/// chapter before.
const SETTLES_AFTER: Duration = Duration::from_millis(200);

/// How often the part that is pointed at is looked for: the page may draw it anew at any time.
const POINTS_EVERY: Duration = Duration::from_millis(250);

/// How long a part is waited for until it is scrolled to, in tries.
const TRIES: u32 = 240;

/// How long it is kept in sight then, in tries: lists above it may still come in.
const SETTLE_TRIES: u32 = 10;

/// The tour.
#[derive(Clone, Copy)]
pub(super) struct TourStore {
    /// The chapters.
    pub(super) chapters: RwSignal<Arc<Vec<Chapter>>>,
    /// Whether they are being fetched.
    pub(super) is_loading: RwSignal<bool>,
    /// What is wrong with them, or with a chapter's policy.
    pub(super) problems: RwSignal<Vec<String>>,
    /// The chapter that is open, from 1; 0 is the list.
    pub(super) number: Memo<usize>,
    /// The steps that are done.
    pub(super) progress: RwSignal<Progress>,
    /// Whether a presenter shows it.
    pub(super) is_presenting: Memo<bool>,
    /// The card that a presenter shows.
    pub(super) card: RwSignal<usize>,
    session: Session,
    database: DatabaseStore,
    /// The chapter whose policy and image are set up.
    begun: RwSignal<Option<usize>>,
    /// What the chapter began with, once the page has settled.
    began: RwSignal<Option<Began>>,
    copies: RwSignal<u32>,
    /// Tries left to scroll to what is pointed at; 0 when that is done.
    tries: StoredValue<u32>,
}

/// How things stood when a chapter began.
#[derive(Clone, Debug, PartialEq)]
struct Began {
    number: usize,
    policy: Policy,
    copies: u32,
    answers: u32,
}

impl TourStore {
    /// Fetches the chapters and begins the one of the address.
    pub(super) fn start(session: Session) -> Self {
        let number = Memo::new(move |_| session.address.with(|address| address.tour.unwrap_or(0)));
        let store = Self {
            chapters: RwSignal::new(Arc::default()),
            is_loading: RwSignal::new(true),
            problems: RwSignal::new(Vec::new()),
            number,
            progress: RwSignal::new(Progress::parse(&browser::setting(KEY).unwrap_or_default())),
            is_presenting: Memo::new(move |_| session.address.with(|address| address.presents)),
            card: RwSignal::new(0),
            session,
            database: expect_context(),
            begun: RwSignal::new(None),
            began: RwSignal::new(None),
            copies: RwSignal::new(0),
            tries: StoredValue::new(0),
        };
        leptos::task::spawn_local(store.load());
        browser::on_window_first(browser::LINK_COPIED, move |_: &web_sys::Event| {
            let _ = store
                .copies
                .try_update(|copies| *copies = copies.wrapping_add(1));
        });
        Effect::new(move |_| {
            let number = number.get();
            let is_ready = store.chapters.with(|chapters| !chapters.is_empty());
            // Closing the tour is no way to the list.
            let is_open = session
                .address
                .with_untracked(|address| address.tour.is_some());
            if is_ready && is_open && store.begun.get_untracked() != Some(number) {
                store.begin(number);
            }
        });
        Effect::new(move |_| store.watch());
        browser::every(POINTS_EVERY, move || store.point());
        on_cleanup(|| {
            browser::pointer::point(None);
        });
        store
    }

    async fn load(self) {
        let mut chapters = Vec::new();
        let mut problems = Vec::new();
        match fetch_index().await {
            Err(problem) => problems.push(problem),
            Ok(index) => {
                for name in index.chapters {
                    let text = browser::own_file(&format!("tour/{name}"), MAX_CHAPTER_BYTES).await;
                    match text {
                        None => problems.push(format!("{name}: the chapter cannot be fetched")),
                        Some(text) => match Chapter::parse(&name, &text) {
                            Ok(chapter) => chapters.push(chapter),
                            Err(error) => problems.push(error.to_string()),
                        },
                    }
                }
            }
        }
        // The panel may be closed by now.
        let _ = self.is_loading.try_set(false);
        let _ = self.problems.try_set(problems);
        let _ = self.chapters.try_set(Arc::new(chapters));
    }

    /// The chapter that is open.
    pub(super) fn chapter(self) -> Option<Chapter> {
        let number = self.number.get();
        self.chapters
            .with(|chapters| chapters.get(number.checked_sub(1)?).cloned())
    }

    /// Whether the chapter's step is done.
    pub(super) fn is_done(self) -> bool {
        let chapter = self.chapter();
        chapter.is_some_and(|chapter| self.progress.with(|progress| progress.has(&chapter)))
    }

    /// Whether a presenter's last stop of the chapter is on show; always so for readers.
    pub(super) fn is_at_end(self) -> bool {
        !self.is_presenting.get()
            || self
                .chapter()
                .is_none_or(|chapter| self.card.get() >= chapter.cards.len())
    }

    /// Whether a drawer is open, which Esc closes.
    pub(super) fn has_drawer(self) -> bool {
        self.session.address.with_untracked(|address| {
            address.finding.is_some() || address.package.is_some() || address.issue.is_some()
        })
    }

    /// Opens a chapter as it begins, from 1; 0 opens the list.
    pub(super) fn go(self, number: usize) {
        self.card.set(0);
        let chapters = self.chapters.get_untracked();
        let chapter = number.checked_sub(1).and_then(|index| chapters.get(index));
        let address = match chapter {
            Some(chapter) => Address {
                presents: self.is_presenting.get_untracked(),
                ..address_of(chapter, number)
            },
            None => Address {
                tour: Some(0),
                ..self.session.address.get_untracked()
            },
        };
        if self.begun.get_untracked() == Some(number) {
            self.begun.set(None);
        }
        self.session.go(address);
        self.begin(number);
    }

    /// Opens the next chapter, or the one before; for presenters the next card.
    pub(super) fn turn(self, is_forward: bool) {
        let chapters = self.chapters.get_untracked();
        let number = self.number.get_untracked();
        if !self.is_presenting.get_untracked() {
            let next = match is_forward {
                true if number < chapters.len() => number + 1,
                true => 0,
                false => number.saturating_sub(1),
            };
            return self.go(next);
        }
        let place = Place {
            chapter: number.max(1),
            card: self.card.get_untracked(),
        };
        let next = if number == 0 {
            place
        } else {
            place.turn(&chapters, is_forward)
        };
        if is_forward && next == place && number == chapters.len() {
            return self.go(0);
        }
        if next.chapter != number {
            self.go(next.chapter);
        }
        self.card.set(next.card);
        // A presenter's step is what the room looks at: the part is shown again.
        self.tries.set_value(TRIES);
    }

    /// Begins or ends presenting.
    pub(super) fn present(self, is_presenting: bool) {
        self.card.set(0);
        self.session
            .select(|address| address.presents = is_presenting);
        if is_presenting && self.number.get_untracked() == 0 {
            self.go(1);
        }
        // Space would press the button again.
        browser::focus("tour-text");
        self.tries.set_value(TRIES);
    }

    /// The chapter as it begins, its step not done.
    pub(super) fn reset(self) {
        let number = self.number.get_untracked();
        if let Some(chapter) = self.chapter() {
            self.progress.update(|progress| {
                progress.done.remove(&chapter.file);
            });
            self.keep_progress();
        }
        self.go(number);
    }

    /// All chapters as they begin, no step done.
    pub(super) fn reset_all(self) {
        self.progress.set(Progress::default());
        self.keep_progress();
    }

    /// Scrolls to what the chapter points at.
    pub(super) fn show_point(self) {
        self.tries.set_value(TRIES);
        self.point();
    }

    fn keep_progress(self) {
        let progress = self.progress.get_untracked();
        let json = serde_json::to_string(&progress).ok();
        let json = json.filter(|_| !progress.done.is_empty());
        browser::keep_setting(KEY, json.as_deref());
    }

    /// Sets a chapter's policy, and its image if the address names none.
    fn begin(self, number: usize) {
        if self.begun.get_untracked() == Some(number) {
            return;
        }
        self.begun.set(Some(number));
        self.began.set(None);
        // What is done from here on counts, also while the page settles.
        let copies = self.copies.get_untracked();
        let answers = self.database.answers.get_untracked();
        self.tries.set_value(TRIES);
        let chapters = self.chapters.get_untracked();
        let is_home = self
            .session
            .address
            .with_untracked(|address| address.subject == Subject::Home);
        let Some(chapter) = number
            .checked_sub(1)
            .and_then(|index| chapters.get(index))
            .cloned()
        else {
            // The demo: the first chapter's image, with the list beside it.
            let image = chapters.iter().find_map(|chapter| chapter.image.clone());
            if let Some(image) = image.filter(|_| is_home) {
                self.session.replace(Address {
                    tour: Some(0),
                    presents: self.is_presenting.get_untracked(),
                    ..Address::of(Subject::Image(image), None)
                });
            }
            return;
        };
        if is_home && chapter.image.is_some() {
            self.session.replace(Address {
                presents: self.is_presenting.get_untracked(),
                ..address_of(&chapter, number)
            });
        }
        leptos::task::spawn_local(async move {
            match policy_of(&chapter).await {
                Ok(policy) => {
                    if self.begun.try_get_untracked().flatten() == Some(number) {
                        self.session.lend_policy(policy.clone());
                        let began = Began {
                            number,
                            policy,
                            copies,
                            answers,
                        };
                        browser::after(SETTLES_AFTER, move || self.has_begun(began));
                    }
                }
                Err(problem) => {
                    let _ = self
                        .problems
                        .try_set(vec![format!("{}: {problem}", chapter.file)]);
                }
            }
        });
    }

    fn has_begun(self, began: Began) {
        if self.begun.try_get_untracked().flatten() == Some(began.number) {
            self.began.set(Some(began));
        }
    }

    /// Ticks the step when everything that it asks for is so.
    fn watch(self) {
        let Some(began) = self.began.get() else {
            return;
        };
        let Some(chapter) = self.chapter() else {
            return;
        };
        let address = self.session.address.get();
        let passed = self.session.passed.get();
        let policy = self.session.policy.get();
        let (copies, answers) = (self.copies.get(), self.database.answers.get());
        if began.number != self.number.get_untracked()
            || self
                .progress
                .with_untracked(|progress| progress.has(&chapter))
        {
            return;
        }
        let facts = Facts {
            address: &address,
            passed,
            policy: &policy,
            began_with: &began.policy,
            is_link_copied: copies != began.copies,
            is_database_checked: answers != began.answers,
        };
        if !chapter
            .done
            .iter()
            .all(|condition| condition.is_met(&facts))
        {
            return;
        }
        let mut done = Done {
            at: platform::now_rfc3339(),
            fail_on: policy.fail_on.word().to_owned(),
            ..Done::default()
        };
        if let (Phase::Done(loaded), Some(passed)) = (self.session.phase.get_untracked(), passed) {
            done.image = loaded.report.image.name.clone();
            done.passed = Some(passed);
            done.counts = counts::of(&loaded.report, None, 0);
        }
        self.progress.update(|progress| {
            progress.done.insert(chapter.file.clone(), done);
        });
        self.keep_progress();
    }

    /// Points at the chapter's part, and scrolls to it when it first appears.
    fn point(self) {
        let name = untrack(|| self.chapter()).and_then(|chapter| chapter.point);
        let is_there = browser::pointer::point(name.as_deref());
        let tries = self.tries.get_value();
        if tries == 0 || self.begun.get_untracked().is_none() {
            return;
        }
        self.tries.set_value(tries - 1);
        let Some(name) = name.filter(|_| is_there) else {
            return;
        };
        if tries > SETTLE_TRIES {
            browser::pointer::scroll_to(&name);
            self.tries.set_value(SETTLE_TRIES);
        } else if !browser::pointer::is_in_sight(&name) {
            // What came in above it has moved it away.
            browser::pointer::scroll_to(&name);
        }
    }
}

/// Where a chapter begins.
fn address_of(chapter: &Chapter, number: usize) -> Address {
    let subject = match &chapter.image {
        Some(image) => Subject::Image(image.clone()),
        None => Subject::Home,
    };
    Address {
        view: chapter.view,
        tour: Some(number),
        ..Address::of(subject, None)
    }
}

async fn fetch_index() -> Result<Index, String> {
    let text = browser::own_file("tour/index.json", MAX_FILE_BYTES).await;
    let text = text.ok_or_else(|| match browser::service::is_online() {
        true => "this page was published without a tour".to_owned(),
        false => "there is no network, and the tour is not kept in this browser: open it once with a network"
            .to_owned(),
    })?;
    Index::parse(&text)
}

/// The policy of a chapter.
async fn policy_of(chapter: &Chapter) -> Result<Policy, String> {
    let (name, text) = match &chapter.policy {
        PolicyChoice::Standard => return Ok(Policy::default()),
        PolicyChoice::Named(name) => {
            let mut made = policies::BUILT_IN.iter().map(|make| make());
            let named = made.find(|policy| policy.name.as_deref() == Some(name.as_str()));
            return named.ok_or_else(|| format!("no policy is named {name:?}"));
        }
        PolicyChoice::Inline(text) => ("policy.yaml".to_owned(), text.clone()),
        PolicyChoice::File(name) => {
            let text = browser::own_file(&format!("tour/{name}"), MAX_FILE_BYTES).await;
            let text = text.ok_or_else(|| format!("tour/{name} cannot be fetched"))?;
            (name.clone(), text)
        }
    };
    let parts = js_sys::Array::of1(&text.into());
    let file = web_sys::File::new_with_str_sequence(&parts, &name);
    let file = file.map_err(|error| platform::describe(&error))?;
    match desk::read_policy(file).await? {
        PolicyFile::Policy(policy) => Ok(*policy),
        PolicyFile::Tool(_) | PolicyFile::Vex(_) => Err(format!("{name} is no policy of Lamina's")),
    }
}
