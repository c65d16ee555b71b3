//! The project as a whole: its documents, its order, its wrapper, its make rules, its installation, its test bed.

mod completions;
mod generated;
mod install;
mod json_answers;
mod layers;
mod make_rules;
mod odd_disk;
mod odd_names;
mod readme;
mod recording;
mod schemas;
mod script_heads;
mod shell_functions;
mod testbed;
mod wrapper;
