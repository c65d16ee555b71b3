//! What a push sends, backs up, deletes and refuses.

mod archive;
mod cost;
mod delete;
mod former_places;
mod ignore;
mod origins;
mod other_sides;
mod push;
mod real_paths;
mod shapes;
mod shared_tree;
mod skipped;
mod tree;
mod two_machines;
mod workspaces;
