//! Detects that the local or remote workspace isn't the one of the last agreement: another disk or checkout, or a
//! backup that was restored. Files that are older there than the agreement count as changed on both sides.

use std::path::Path;

use crate::listing::Listing;
use crate::listing::entry::Entry;
use crate::pipe::failure::Outcome;
use crate::sync::sides::Sides;
use crate::sync::state::SyncState;
use crate::sync::state::agreed::Agreed;
use crate::sync::state::transfer_id::SeenTransfer;
use crate::text::units::count;
use crate::ui::report::Report;

impl SyncState {
    /// If a side isn't the one of the agreement, removes from the agreement the files that it has in an older version,
    /// so that they count as changed on both sides, and warns. Writes the new agreement down, because the next transfer
    /// no longer knows that the side was another one.
    ///
    /// # Errors
    /// When the sync state can't be read or written, or the remote doesn't reply.
    pub fn doubt_other_sides(
        &self,
        agreed: &mut Agreed,
        (local, remote): (&Listing, &Listing),
        sides: &Sides,
        seen: &SeenTransfer,
        report: Report,
    ) -> Outcome<()> {
        let mut has_doubts = false;
        let mut doubt = |agreed: &mut Agreed, side: &Listing, place: &str, why: &str| {
            let older = agreed.doubt_older(side);
            if older > 0 {
                has_doubts = true;
                let (are, count_as) =
                    if older == 1 { ("is", "it counts") } else { ("are", "they count") };
                report.warn(&format!(
                    "{} {place} {are} older than what both sides last agreed on, and {why}: {count_as} as changed on both sides",
                    count(older as u64, "file")
                ));
            }
        };
        if self.has_other_workspace()? && !agreed.is_empty() {
            let local = self.local_as_agreed(sides.local, local.clone(), agreed)?;
            let why = "the folder isn't the one of the last transfer (another disk or checkout, or put back from a backup)";
            doubt(agreed, &local, &format!("in {}", sides.local.display()), why);
        }
        if !seen.is_known && !agreed.is_empty() {
            let remote = sides.unrounded_remote(remote, agreed)?.into_owned();
            let why = "the workspace isn't as this machine left it (put back from a backup, or another machine has transferred since)";
            doubt(agreed, &remote, &format!("on '{}'", sides.connection.host()), why);
        }
        if has_doubts {
            self.agree(agreed)?;
        }
        Ok(())
    }
}

impl Agreed {
    /// Removes from the agreement the files that `side` has in an older version; returns their number.
    fn doubt_older(&mut self, side: &Listing) -> usize {
        let is_older = |path: &Path, agreed: &Entry| {
            let now = side.get(path).filter(|now| now.is_file() && agreed.is_file());
            now.is_some_and(|now| now.modified < agreed.modified)
        };
        let older = self.filter(is_older);
        self.forget(&older);
        older.len()
    }
}
