//! Jobs: started, followed, stopped, listed, cleaned up, and everything that goes wrong with them.

mod clean;
mod doctor;
mod exec;
mod faults;
mod forwarding;
mod inputs;
mod jobs;
mod lock;
mod signals;
mod silence;
mod slurm;
