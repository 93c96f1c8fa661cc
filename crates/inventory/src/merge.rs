//! The facts of a stack of layers, joined.
//!
//! A package database is one file that every later step of a build writes anew, so that the layer
//! whose copy is visible says nothing about who brought a package. What is asked instead is, layer by
//! layer, what the visible copy of each file states: a package is introduced by the layer from which
//! on it has been stated without interruption, and removed by the layer from which on it is not.
//!
//! **Identity.** A package is the same as long as kind, name, version and architecture are; for
//! language packages also the folder that they are installed in: two virtual environments are two
//! packages. A version that ends where another of the same package begins was upgraded, not removed.

use std::{
    borrow::Cow,
    cmp::Reverse,
    collections::{BTreeMap, HashMap, HashSet},
};

use lamina_image::{
    layer::{Entry, EntryKind},
    path::LayerPath,
    tree::{ChangeKind, MergedTree, TreeKind},
};

use crate::{
    accounts::{FileOwners, ListOwners, OwnedList, account},
    analyser::Analyser,
    analysis::LayerAnalysis,
    facts::{
        Basis, DistributionFact, IssueFact, LicenceFact, OwnedFiles, PackageFact, PackageKind,
        Warning,
    },
    kinds::{ANALYSERS, licence_file, os_release},
    limits::{MAX_EARLIER, MAX_LICENCES_PER_FILE, MAX_WARNINGS},
    purl::{normalise_python, purl},
};

/// What is in an image.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inventory {
    /// Which distribution it is, if a file says so.
    pub distribution: Option<Distribution>,
    /// The packages of the merged image, sorted by kind, name, version, architecture and file.
    pub packages: Vec<Package>,
    /// Whose the files of the merged image are.
    pub owners: FileOwners,
    /// Packages of lower layers that a later layer removed, sorted likewise. Older versions of
    /// packages that are still there are not among them: see [`Package::earlier`].
    pub removed: Vec<Package>,
    /// Secrets and the like, of every layer, sorted by file, lines and rule.
    pub issues: Vec<Issue>,
    /// What is missing, and in which layer.
    pub warnings: Vec<(usize, Warning)>,
}

/// A distribution, and where it is stated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// What is stated.
    pub fact: DistributionFact,
    /// The layer whose copy of the file was read.
    pub layer: usize,
}

/// A secret or the like, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// What it is, with the file (links above it resolved).
    pub fact: IssueFact,
    /// The layer that brought it.
    pub layer: usize,
    /// The layer that replaced or deleted it: it can still be read in the layers below. `None` in
    /// the merged image.
    pub removed_in: Option<usize>,
}

/// A package, and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Package {
    /// What is stated of it, with the file (links resolved) and the lines.
    pub fact: PackageFact,
    /// Its package URL.
    pub purl: String,
    /// The layer from which on this version has been there without interruption.
    pub introduced_in: usize,
    /// The layer whose copy of the file was read.
    pub file_layer: usize,
    /// The layer that removed it; `None` in the merged image.
    pub removed_in: Option<usize>,
    /// Versions that it replaced, oldest first.
    pub earlier: Vec<EarlierVersion>,
    /// The OS package that owns its files: an index into [`Inventory::packages`].
    pub owned_by: Option<usize>,
    /// Files of the merged image that it owns; `None` where no package manager says so.
    pub owned_files: Option<u64>,
    /// Bytes of these, hard links not counted again.
    pub owned_bytes: Option<u64>,
}

/// A version that another one replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierVersion {
    /// The version.
    pub version: String,
    /// The layer that introduced it.
    pub introduced_in: usize,
    /// The layer that replaced it.
    pub replaced_in: usize,
}

impl Package {
    /// The layers in which other versions of it were introduced, lowest first.
    pub fn changed_in(&self) -> Vec<usize> {
        let mut layers: Vec<usize> = self.earlier.iter().map(|e| e.introduced_in).collect();
        layers.dedup();
        layers
    }

    fn sort_key(&self) -> impl Ord {
        let fact = &self.fact;
        (
            fact.kind,
            &fact.name,
            &fact.version,
            &fact.architecture,
            &fact.file,
        )
    }
}

/// Joins the analyses of an image's layers, lowest first. `tree` is made of the same layers.
pub fn merge(layers: &[&LayerAnalysis], tree: &MergedTree) -> Inventory {
    let stack = Stack::new(layers, tree);
    let mut warnings = Vec::new();
    for (number, layer) in layers.iter().enumerate() {
        warnings.extend(layer.facts.warnings.iter().map(|w| (number, w.clone())));
    }
    let distribution = stack.distribution();
    warnings.extend(stack.unread_links(distribution.is_some()));
    let (mut packages, mut removed) = stack.packages();
    for package in packages.iter_mut().chain(&mut removed) {
        package.purl = purl(
            &package.fact,
            distribution.as_ref().map(|found| &found.fact),
        );
    }
    stack.add_licences(&mut packages);
    let lists = stack.lists(&packages);
    let owners = account(tree, &mut packages, lists);
    Inventory {
        distribution,
        packages,
        owners,
        removed,
        issues: stack.issues(),
        warnings,
    }
}

/// What the analysers noted about one layer's copy of one file.
#[derive(Default)]
struct FileFacts<'a> {
    packages: Vec<&'a PackageFact>,
    distributions: Vec<&'a DistributionFact>,
    owned: Vec<&'a OwnedFiles>,
    licences: Vec<&'a LicenceFact>,
    issues: Vec<&'a IssueFact>,
}

/// A file's copy that is visible from one layer on until another.
struct Copy<'s, 'a> {
    path: &'s LayerPath,
    layer: usize,
    /// The first layer in which it is not visible any more; the number of layers if it always is.
    end: usize,
    facts: &'s FileFacts<'a>,
    /// For a hard link, the file whose facts these are.
    target: Option<LayerPath>,
}

struct Stack<'a> {
    tree: &'a MergedTree,
    height: usize,
    /// By path in the merged tree, then by layer.
    files: BTreeMap<LayerPath, BTreeMap<usize, FileFacts<'a>>>,
    /// Links at claimed paths: the path in the merged tree, and the layer.
    links: Vec<(LayerPath, usize)>,
    /// Copies that were not read, or not to their end, likewise.
    unread: HashSet<(LayerPath, usize)>,
}

impl<'a> Stack<'a> {
    fn new(layers: &[&'a LayerAnalysis], tree: &'a MergedTree) -> Self {
        let mut stack = Self {
            tree,
            height: layers.len(),
            files: BTreeMap::new(),
            links: Vec::new(),
            unread: HashSet::new(),
        };
        for (number, layer) in layers.iter().enumerate() {
            let facts = &layer.facts;
            let mut places = Places::new(tree, number);
            for fact in &facts.packages {
                stack.note(&mut places, &fact.file, |file| file.packages.push(fact));
            }
            for fact in &facts.distributions {
                stack.note(&mut places, &fact.file, |file| {
                    file.distributions.push(fact)
                });
            }
            for fact in &facts.owned {
                stack.note(&mut places, &fact.file, |file| file.owned.push(fact));
            }
            for fact in &facts.licences {
                stack.note(&mut places, &fact.file, |file| file.licences.push(fact));
            }
            for fact in &facts.issues {
                stack.note(&mut places, &fact.file, |file| file.issues.push(fact));
            }
            for link in &facts.links {
                if let Some(path) = places.place(link) {
                    stack.links.push((path, number));
                }
            }
            for warning in &facts.warnings {
                if let Warning::FileTooLarge { file, .. } | Warning::Incomplete { file, .. } =
                    warning
                    && let Some(path) = places.place(file)
                {
                    stack.unread.insert((path, number));
                }
            }
        }
        // A hard link has a history of its own, whether its target has facts or not.
        for (path, _) in &stack.links {
            stack.files.entry(path.clone()).or_default();
        }
        stack
    }

    fn note(
        &mut self,
        places: &mut Places<'_>,
        file: &LayerPath,
        add: impl FnOnce(&mut FileFacts<'a>),
    ) {
        let Some(path) = places.place(file) else {
            return;
        };
        let layer = places.layer;
        add(self
            .files
            .entry(path)
            .or_default()
            .entry(layer)
            .or_default());
    }

    /// Each copy of `path` with facts, and from when to when it is visible.
    ///
    /// Of a copy that was not read to its end it is not known what it does not state any more: the
    /// copy before stays in force beside it, rather than that packages were called removed.
    fn copies<'s>(&'s self, path: &'s LayerPath) -> Vec<Copy<'s, 'a>> {
        let mut copies: Vec<Copy<'s, 'a>> = Vec::new();
        let history = self.tree.history(path);
        for (index, change) in history.iter().enumerate() {
            if change.kind == ChangeKind::Removed {
                continue;
            }
            let layer = change.layer;
            let end = history
                .get(index + 1)
                .map_or(self.height, |next| next.layer);
            if self.unread.contains(&(path.clone(), layer)) {
                for before in copies.iter_mut().filter(|copy| copy.end == layer) {
                    before.end = end;
                }
            }
            if let Some((facts, target)) = self.facts_of(path, layer) {
                copies.push(Copy {
                    path,
                    layer,
                    end,
                    facts,
                    target,
                });
            }
        }
        copies
    }

    /// The facts of `layer`'s copy of `path`; for a hard link those of its target, with its path.
    fn facts_of(
        &self,
        path: &LayerPath,
        layer: usize,
    ) -> Option<(&FileFacts<'a>, Option<LayerPath>)> {
        if let Some(facts) = self.files.get(path).and_then(|copies| copies.get(&layer)) {
            return Some((facts, None));
        }
        let (content_layer, target) = self.tree.content_of(layer, path)?;
        let facts = self.files.get(&target)?.get(&content_layer)?;
        Some((facts, Some(target)))
    }

    /// What is visible of `path` once all layers are applied, links followed.
    fn visible(&self, path: &LayerPath) -> Option<(LayerPath, usize, &FileFacts<'a>)> {
        let path = self.tree.resolve(path).ok()?;
        let layer = self.tree.visible_at(&path, self.height.checked_sub(1)?)?;
        let (facts, _) = self.facts_of(&path, layer)?;
        Some((path, layer, facts))
    }

    fn distribution(&self) -> Option<Distribution> {
        let mut found = self.stated_distribution()?;
        os_release::refine(&mut found.fact, |path| {
            let (_, _, facts) = self.visible(&LayerPath::from(path))?;
            facts.distributions.last().copied()
        });
        Some(found)
    }

    fn stated_distribution(&self) -> Option<Distribution> {
        let stated = os_release::PRECEDENCE.iter().filter_map(|path| {
            let (file, layer, facts) = self.visible(&LayerPath::from(*path))?;
            let mut fact = (*facts.distributions.last()?).clone();
            fact.file = file;
            Some(Distribution { fact, layer })
        });
        let mut first = None;
        for found in stated {
            // `linux` stands for a file that names none.
            if found.fact.id != "linux" {
                return Some(found);
            }
            first = first.or(Some(found));
        }
        first
    }

    /// Links at claimed paths that lead, at the end, to a file that no analyser read.
    fn unread_links(&self, has_distribution: bool) -> Vec<(usize, Warning)> {
        let mut warnings = Vec::new();
        let Some(top) = self.height.checked_sub(1) else {
            return warnings;
        };
        for (path, layer) in &self.links {
            if self.tree.visible_at(path, top) != Some(*layer) {
                continue;
            }
            // Where one of them names the distribution, the others do not matter.
            if has_distribution
                && os_release::PRECEDENCE.contains(&path.as_str().unwrap_or_default())
            {
                continue;
            }
            let Some(target) = self.unread_target(path, top) else {
                continue;
            };
            if warnings.len() == MAX_WARNINGS {
                let what = "links to files that were not read".to_owned();
                let analyser = "the image".to_owned();
                let limit = MAX_WARNINGS as u64;
                warnings.push((
                    *layer,
                    Warning::TooMany {
                        analyser,
                        what,
                        limit,
                    },
                ));
                break;
            }
            warnings.push((
                *layer,
                Warning::NotRead {
                    file: path.clone(),
                    target,
                },
            ));
        }
        warnings
    }

    /// The file that a link leads to, if it was not read but is one.
    fn unread_target(&self, link: &LayerPath, top: usize) -> Option<LayerPath> {
        let resolved = self.tree.resolve(link).ok()?;
        let entry = self.tree.get(&resolved)?;
        let is_file = matches!(entry.kind, TreeKind::File | TreeKind::HardLink);
        if !is_file || entry.size == 0 {
            return None;
        }
        let layer = self.tree.visible_at(&resolved, top)?;
        let (_, target) = self.tree.content_of(layer, &resolved)?;
        // What lies at a claimed path was read, or there is a warning that says why not.
        let entry = Entry {
            path: target,
            kind: EntryKind::File,
            size: entry.size,
            mode: entry.mode,
            uid: entry.uid,
            gid: entry.gid,
            modified: entry.modified,
        };
        // By an analyser that wants the link: `opt/release` is read as a JVM's, not as an os-release.
        let wants_link = |analyser: &&&dyn Analyser| analyser.claims(link, &entry);
        let is_claimed = match ANALYSERS.iter().any(|analyser| wants_link(&analyser)) {
            true => ANALYSERS
                .iter()
                .filter(wants_link)
                .any(|analyser| analyser.claims(&entry.path, &entry)),
            // It lies elsewhere than its layer's archive says.
            false => ANALYSERS
                .iter()
                .any(|analyser| analyser.claims(&entry.path, &entry)),
        };
        (!is_claimed).then_some(entry.path)
    }

    /// The packages that are there at the end, and those that are not any more.
    fn packages(&self) -> (Vec<Package>, Vec<Package>) {
        let mut groups: HashMap<Key<'_>, Group<'_>> = HashMap::new();
        // Where a distribution's package manager says what is installed, an SBOM does not: it may be
        // of another build, and lists what packages were made from as well.
        let facts = self.files.values().flat_map(|copies| copies.values());
        let packages = facts.flat_map(|facts| &facts.packages);
        let recorded: HashSet<PackageKind> = packages
            .filter(|fact| fact.kind.is_os() && fact.basis != Basis::Stated)
            .map(|fact| fact.kind)
            .collect();
        for path in self.files.keys() {
            for copy in self.copies(path) {
                for fact in &copy.facts.packages {
                    if fact.basis == Basis::Stated && recorded.contains(&fact.kind) {
                        continue;
                    }
                    let folder = match (&fact.inner, fact.kind) {
                        // Each archive within an archive is a place of its own.
                        (Some(inner), _) => path.join(inner.as_bytes()),
                        // A store path is one package, whichever of its files tells of it.
                        (None, PackageKind::Nix) => fact.folder.clone().unwrap_or_default(),
                        // There is one of each, stated twice.
                        (None, PackageKind::Bitnami) => LayerPath::default(),
                        // The package's own folder has its version in its name.
                        (None, PackageKind::Brew | PackageKind::Otp | PackageKind::Hex) => fact
                            .folder
                            .as_ref()
                            .and_then(LayerPath::parent)
                            .unwrap_or_else(|| installation_folder(path)),
                        (None, _) => installation_folder(path),
                    };
                    let statement = Statement {
                        start: copy.layer,
                        end: copy.end,
                        path: copy.path,
                        fact,
                    };
                    let versions = groups.entry(Key::of(fact, &folder)).or_default();
                    let identity = (fact.version.as_str(), fact.architecture.as_deref());
                    versions.entry(identity).or_default().push(statement);
                }
            }
        }
        let (mut present, mut removed) = (Vec::new(), Vec::new());
        for versions in groups.values() {
            self.packages_of(versions, &mut present, &mut removed);
        }
        drop_stated_twice(&mut present);
        self.drop_listed_assemblies(&mut present);
        for packages in [&mut present, &mut removed] {
            packages.sort_by(|a: &Package, b: &Package| {
                (a.sort_key(), a.introduced_in).cmp(&(b.sort_key(), b.introduced_in))
            });
        }
        (present, removed)
    }

    /// All that is known of one package: its versions, and when each was there.
    fn packages_of(
        &self,
        versions: &Group<'_>,
        present: &mut Vec<Package>,
        removed: &mut Vec<Package>,
    ) {
        let mut runs: Vec<Run<'_>> = Vec::new();
        for statements in versions.values() {
            runs.extend(runs_of(statements));
        }
        runs.sort_by_key(|run| (run.start, run.end, run.identity()));
        let begin = Ends::new(&runs, |run| run.start);
        // What another version took the place of, by where it did.
        let replaced = runs.iter().filter(|run| run.end < self.height);
        let replaced = Ends::new(
            replaced.filter(|run| begin.at(run.end, run.architecture()).is_some()),
            |run| run.end,
        );
        // Which package tells of which run.
        let mut teller: HashMap<(Identity<'_>, usize), (bool, usize)> = HashMap::new();
        for run in &runs {
            let is_present = run.end >= self.height;
            let is_replaced = begin.at(run.end, run.architecture()).is_some();
            if !is_present && (!run.is_last || is_replaced) {
                continue;
            }
            // Back from this version through what it replaced, as far as the chain goes.
            let mut earlier: Vec<EarlierVersion> = Vec::new();
            let mut newer = run;
            let list = if is_present { &*present } else { &*removed };
            let told_by = (is_present, list.len());
            teller.insert((run.identity(), run.start), told_by);
            while let Some(older) = replaced.at(newer.start, newer.architecture())
                && earlier.len() < MAX_EARLIER
            {
                earlier.push(EarlierVersion {
                    version: older.last.fact.version.clone(),
                    introduced_in: older.start,
                    replaced_in: older.end,
                });
                teller.insert((older.identity(), older.start), told_by);
                newer = older;
            }
            earlier.reverse();
            let mut fact = run.last.fact.clone();
            fact.file = run.last.path.clone();
            fact.folder = folder_at(run.last.fact, run.last.path);
            let package = Package {
                fact,
                purl: String::new(),
                introduced_in: run.start,
                file_layer: run.last.start,
                removed_in: (!is_present).then_some(run.end),
                earlier,
                owned_by: None,
                owned_files: None,
                owned_bytes: None,
            };
            if is_present {
                present.push(package);
            } else {
                removed.push(package);
            }
        }
        // Where several versions lay side by side (kernels do) and one took the place of all, the chain
        // has led through one of them. The others are told beside it, those that ended last first.
        let mut untold: Vec<&Run<'_>> = runs.iter().filter(|run| run.is_last).collect();
        untold.retain(|run| !teller.contains_key(&(run.identity(), run.start)));
        untold.sort_by_key(|run| Reverse((run.end, run.start, run.identity())));
        for run in untold {
            let newer = begin.at(run.end, run.architecture());
            let told_by = newer.and_then(|newer| teller.get(&(newer.identity(), newer.start)));
            let Some(&(is_present, index)) = told_by else {
                continue;
            };
            teller.insert((run.identity(), run.start), (is_present, index));
            let list = if is_present {
                &mut *present
            } else {
                &mut *removed
            };
            let earlier = list.get_mut(index).map(|package| &mut package.earlier);
            let Some(earlier) = earlier.filter(|earlier| earlier.len() < MAX_EARLIER) else {
                continue;
            };
            let place = (run.end, run.start);
            let at = earlier.partition_point(|e| (e.replaced_in, e.introduced_in) <= place);
            earlier.insert(
                at,
                EarlierVersion {
                    version: run.last.fact.version.clone(),
                    introduced_in: run.start,
                    replaced_in: run.end,
                },
            );
        }
    }

    /// Drops .NET assemblies that a `deps.json` says belong to a package: it knows that package's name
    /// and version, an assembly only its own.
    fn drop_listed_assemblies(&self, packages: &mut Vec<Package>) {
        // Few images have any: the others need not be gone through.
        if packages
            .iter()
            .all(|package| package.fact.kind != PackageKind::Nuget)
        {
            return;
        }
        let mut listed: HashSet<LayerPath> = HashSet::new();
        for path in self.files.keys() {
            let last = self.copies(path).pop();
            let Some(copy) = last.filter(|copy| copy.end == self.height) else {
                continue;
            };
            let lists = copy.facts.owned.iter();
            for owned in lists.filter(|owned| owned.kind == PackageKind::Nuget) {
                listed.extend(owned.files.iter());
            }
        }
        packages.retain(|package| {
            package.fact.kind != PackageKind::Nuget || !listed.contains(&package.fact.file)
        });
    }

    /// What is said of each file's copies: one that stays the same in a later copy is told once.
    fn issues(&self) -> Vec<Issue> {
        let mut issues: Vec<Issue> = Vec::new();
        for path in self.files.keys() {
            let first = issues.len();
            for copy in self.copies(path) {
                if copy.target.is_some() {
                    continue; // A hard link: told of the file itself.
                }
                let removed_in = (copy.end < self.height).then_some(copy.end);
                for fact in &copy.facts.issues {
                    let of_path = issues.get_mut(first..).unwrap_or_default();
                    let same = of_path.iter_mut().find(|issue| {
                        issue.removed_in == Some(copy.layer)
                            && issue.fact.rule == fact.rule
                            && issue.fact.excerpt == fact.excerpt
                    });
                    let fact = IssueFact {
                        file: path.clone(),
                        ..(*fact).clone()
                    };
                    match same {
                        Some(issue) => {
                            issue.fact = fact;
                            issue.removed_in = removed_in;
                        }
                        None => issues.push(Issue {
                            fact,
                            layer: copy.layer,
                            removed_in,
                        }),
                    }
                }
            }
        }
        issues.sort_by(|a, b| {
            let key = |issue: &Issue| (issue.fact.lines, issue.layer);
            (&a.fact.file, key(a), &a.fact.rule).cmp(&(&b.fact.file, key(b), &b.fact.rule))
        });
        issues
    }

    /// Licences that are stated in files of their own: Debian's and Gentoo's, and those of packages
    /// that state none but have a licence's text in their folder.
    fn add_licences(&self, packages: &mut [Package]) {
        let by_folder = self.licences_by_folder();
        for package in packages {
            if package.fact.licence.is_none() && !package.fact.kind.is_os() {
                let parent = package.fact.file.parent();
                let folders = [package.fact.folder.as_ref(), parent.as_ref()];
                let mut found = folders.into_iter().flatten();
                package.fact.licence = found.find_map(|folder| by_folder.get(folder)).cloned();
            }
            let fact = &package.fact;
            let path = match fact.kind {
                _ if fact.licence.is_some() => continue,
                PackageKind::Deb => LayerPath::from("usr/share/doc")
                    .join(fact.name.as_bytes())
                    .join(b"copyright"),
                PackageKind::Ebuild => fact.file.parent().unwrap_or_default().join(b"LICENSE"),
                _ => continue,
            };
            if let Some((_, _, facts)) = self.visible(&path) {
                package.fact.licence = facts.licences.last().map(|fact| fact.licence.clone());
            }
        }
    }

    /// What the licence files in each package's folder say, joined by commas.
    fn licences_by_folder(&self) -> HashMap<LayerPath, String> {
        let mut by_folder: HashMap<LayerPath, Vec<&str>> = HashMap::new();
        for path in self.files.keys() {
            let Some(folder) = licence_file::package_folder(path) else {
                continue;
            };
            let copy = self.copies(path).pop();
            let Some(copy) = copy.filter(|copy| copy.end == self.height) else {
                continue;
            };
            for fact in &copy.facts.licences {
                let known = by_folder.entry(folder.clone()).or_default();
                for licence in fact.licence.split(", ") {
                    if !known.contains(&licence) && known.len() < MAX_LICENCES_PER_FILE {
                        known.push(licence);
                    }
                }
            }
        }
        let joined = by_folder.into_iter().filter(|(_, known)| !known.is_empty());
        joined
            .map(|(folder, known)| (folder, known.join(", ")))
            .collect()
    }

    /// The file lists that speak for packages: one each, by the package's index.
    fn lists(&self, packages: &[Package]) -> BTreeMap<usize, OwnedList<'a>> {
        let owners = ListOwners::new(packages);
        let mut lists: BTreeMap<usize, OwnedList<'a>> = BTreeMap::new();
        for path in self.files.keys() {
            let Some(copy) = self
                .copies(path)
                .pop()
                .filter(|copy| copy.end == self.height)
            else {
                continue;
            };
            for owned in &copy.facts.owned {
                for owner in owners.of(owned, path) {
                    // A `.list` knows more than `.md5sums`.
                    let is_better = lists
                        .get(&owner)
                        .is_none_or(|known| known.path.as_bytes().ends_with(b".md5sums"));
                    if is_better {
                        let list = OwnedList {
                            path: path.clone(),
                            target: copy.target.clone(),
                            owned,
                        };
                        lists.insert(owner, list);
                    }
                }
            }
        }
        lists
    }
}

/// Drops what a lock file or an SBOM names of packages that are known to be there: the surer
/// statement tells of them.
fn drop_stated_twice(packages: &mut Vec<Package>) {
    let is_hearsay = |fact: &PackageFact| matches!(fact.basis, Basis::Declared | Basis::Stated);
    let identity = |fact: &PackageFact| {
        let name = match fact.kind {
            PackageKind::Pypi => normalise_python(&fact.name),
            _ => fact.name.clone(),
        };
        (fact.kind, name, fact.version.clone())
    };
    let known = packages.iter().filter(|package| !is_hearsay(&package.fact));
    let known: HashSet<_> = known.map(|package| identity(&package.fact)).collect();
    packages
        .retain(|package| !is_hearsay(&package.fact) || !known.contains(&identity(&package.fact)));
}

/// What all versions and architectures of one package have in common.
#[derive(PartialEq, Eq, Hash)]
struct Key<'a> {
    kind: PackageKind,
    name: Cow<'a, str>,
    folder: LayerPath,
}

/// Version and architecture.
type Identity<'a> = (&'a str, Option<&'a str>);

/// All that is stated of one package.
type Group<'a> = HashMap<Identity<'a>, Vec<Statement<'a>>>;

impl<'a> Key<'a> {
    fn of(fact: &'a PackageFact, folder: &LayerPath) -> Self {
        let name = match fact.kind {
            PackageKind::Pypi => normalise_python(&fact.name).into(),
            _ => fact.name.as_str().into(),
        };
        let folder = match fact.kind.is_os() {
            true => LayerPath::default(),
            false => folder.clone(),
        };
        Self {
            kind: fact.kind,
            name,
            folder,
        }
    }
}

/// A package as one copy of a file states it.
#[derive(Clone, Copy)]
struct Statement<'a> {
    start: usize,
    end: usize,
    path: &'a LayerPath,
    fact: &'a PackageFact,
}

impl Statement<'_> {
    fn rank(&self) -> (Basis, &LayerPath) {
        (self.fact.basis, self.path)
    }
}

/// Layers through which one version was there without interruption.
struct Run<'a> {
    start: usize,
    end: usize,
    /// Whether it is the last one of its version.
    is_last: bool,
    /// The statement to show: of those that last to the end, the best founded one, or the first by
    /// path.
    last: Statement<'a>,
}

impl<'a> Run<'a> {
    fn identity(&self) -> Identity<'a> {
        let fact = self.last.fact;
        (&fact.version, fact.architecture.as_deref())
    }

    fn architecture(&self) -> Option<&'a str> {
        self.last.fact.architecture.as_deref()
    }
}

/// Runs by the layer where they begin, or end.
///
/// One version takes the place of another where it begins in the layer in which the other ends. (Two
/// runs of one version never meet so: they would be one.) Two architectures of a library lie side by
/// side, but a package may come to be for all of them, or cease to.
struct Ends<'r, 'a> {
    by_architecture: HashMap<(usize, Option<&'a str>), &'r Run<'a>>,
    for_any: HashMap<usize, &'r Run<'a>>,
    all: HashMap<usize, &'r Run<'a>>,
}

impl<'r, 'a> Ends<'r, 'a> {
    /// Of several the first counts.
    fn new(runs: impl IntoIterator<Item = &'r Run<'a>>, end: impl Fn(&Run<'a>) -> usize) -> Self
    where
        'a: 'r,
    {
        let mut ends = Self {
            by_architecture: HashMap::new(),
            for_any: HashMap::new(),
            all: HashMap::new(),
        };
        for run in runs {
            let (layer, architecture) = (end(run), run.architecture());
            ends.by_architecture
                .entry((layer, architecture))
                .or_insert(run);
            ends.all.entry(layer).or_insert(run);
            if is_any(architecture) {
                ends.for_any.entry(layer).or_insert(run);
            }
        }
        ends
    }

    /// The run at `layer` that may be another version of one for `architecture`.
    fn at(&self, layer: usize, architecture: Option<&'a str>) -> Option<&'r Run<'a>> {
        if is_any(architecture) {
            return self.all.get(&layer).copied();
        }
        let same = self.by_architecture.get(&(layer, architecture));
        same.or_else(|| self.for_any.get(&layer)).copied()
    }
}

fn is_any(architecture: Option<&str>) -> bool {
    matches!(architecture, None | Some("all" | "noarch"))
}

fn runs_of<'a>(statements: &[Statement<'a>]) -> Vec<Run<'a>> {
    let mut statements = statements.to_vec();
    statements.sort_by(|a, b| (a.start, a.path).cmp(&(b.start, b.path)));
    let mut runs: Vec<Run<'a>> = Vec::new();
    for statement in statements {
        match runs.last_mut() {
            Some(run) if statement.start <= run.end => {
                let is_better = statement.end > run.last.end
                    || (statement.end == run.last.end && statement.rank() < run.last.rank());
                if is_better {
                    run.last = statement;
                }
                run.end = run.end.max(statement.end);
            }
            _ => runs.push(Run {
                start: statement.start,
                end: statement.end,
                is_last: false,
                last: statement,
            }),
        }
    }
    if let Some(run) = runs.last_mut() {
        run.is_last = true;
    }
    runs
}

/// `a/site-packages` of `a/site-packages/x-1.dist-info/METADATA`.
fn installation_folder(metadata: &LayerPath) -> LayerPath {
    let own = match metadata.file_name() {
        name if name.ends_with(b".egg-info") => Some(metadata.clone()),
        _ => metadata.parent(),
    };
    own.and_then(|own| own.parent()).unwrap_or_default()
}

/// The folder of a package whose file counts at `path`: links above that file, or a hard link to it,
/// move what lies beside it too.
fn folder_at(fact: &PackageFact, path: &LayerPath) -> Option<LayerPath> {
    let folder = fact.folder.as_ref()?;
    let mut common = fact.file.parent().unwrap_or_default();
    while !folder.is_within(&common) {
        common = common.parent()?;
    }
    let below = |path: &'_ [u8]| path.get(common.as_bytes().len()..).map(<[u8]>::to_vec);
    let (file, folder_below) = (below(fact.file.as_bytes())?, below(folder.as_bytes())?);
    let moved = path.as_bytes().strip_suffix(file.as_slice());
    Some(match moved {
        Some(above) if !common.is_root() => LayerPath::from_bytes(above).join(&folder_below),
        _ => folder.clone(),
    })
}

/// A path of a file list that was read at `from`, but counts at `to`: a hard link to a list of paths
/// that are relative to where it lies.
pub(crate) fn moved(file: &LayerPath, from: &LayerPath, to: &LayerPath) -> LayerPath {
    let (from, to) = (installation_folder(from), installation_folder(to));
    match file.as_bytes().strip_prefix(from.as_bytes()) {
        Some(below) if file.is_within(&from) => to.join(below),
        _ => file.clone(),
    }
}

/// Where the paths that one layer's archive has lie in the merged tree: `lib` may be a link to
/// `usr/lib`.
struct Places<'a> {
    tree: &'a MergedTree,
    layer: usize,
    directories: HashMap<LayerPath, Option<LayerPath>>,
}

impl<'a> Places<'a> {
    fn new(tree: &'a MergedTree, layer: usize) -> Self {
        Self {
            tree,
            layer,
            directories: HashMap::new(),
        }
    }

    /// `None` if the layer's own copy is not visible once the layer is applied.
    fn place(&mut self, path: &LayerPath) -> Option<LayerPath> {
        let (tree, layer) = (self.tree, self.layer);
        let is_here = |path: &LayerPath| {
            let node = tree.node(path);
            node.is_some_and(|node| {
                node.history()
                    .any(|c| c.layer == layer && c.kind != ChangeKind::Removed)
            })
        };
        if is_here(path) {
            return Some(path.clone());
        }
        let parent = path.parent()?;
        let directory = self
            .directories
            .entry(parent)
            .or_insert_with_key(|parent| tree.resolve_at(parent, layer).ok());
        let path = directory.as_ref()?.join(path.file_name());
        is_here(&path).then_some(path)
    }
}
