//! File trees: what one layer holds, and what an image's layers are together.
//!
//! [`LayerTree`] is one layer, compact enough to be cached for every layer ever seen: names lie in
//! one arena, an entry is a small record, children lie side by side and sorted. [`MergedTree`] lays
//! layers over each other as the OCI image specification says (whiteouts and opaque directories act
//! on lower layers alone, whatever their place in the archive) and keeps for each path which layers
//! added, changed or removed it.

mod layer;
mod merged;
mod names;

pub use layer::{LayerTree, LayerTreeBuilder, Node, TreeError, TreeKind};
pub use merged::{
    Change, ChangeKind, LayerStatistics, MergedEntry, MergedNode, MergedTree, ResolveError,
};
