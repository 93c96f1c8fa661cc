//! The parts that pages are made of. A component reads, draws and emits; what it draws is computed
//! in `state`.

pub mod copy;
pub mod drop_zone;
pub mod file_tree;
pub mod finding_drawer;
pub mod findings_table;
pub mod help;
pub mod icons;
pub mod image_head;
pub mod image_panel;
pub mod masthead;
pub mod packages_table;
pub mod policy_panel;
pub mod reference_form;
pub mod search_field;
pub mod severity;
pub mod share;
pub mod strata;
pub mod tabs;
pub mod toast_list;
pub mod verdict_panel;
pub mod virtual_list;
pub mod warnings_panel;
