//! Both directions together: no file is lost, whatever both sides do and whatever their disks are.

mod both_sides;
mod odd_disks;
mod pushed_cube;
mod rounded_times;
