//! Looking after vaults and stores: orders, and what came of them.

use fs_backends::location::{Kind, Root};
use fs_core::ops::FsRef;
use fs_core::{Error, ErrorKind};
use jiff::Zoned;

use super::App;
use crate::background::Request;
use crate::background::message::CareNews;
use crate::command::{CareCommand, CarePart};
use crate::state::care::{Care, Job, Outcome, Task, Work};
use crate::state::preview::PreviewLoad;
use crate::state::toast::Level;
use crate::state::{Dialog, FsStatus, Generation};

impl App {
    /// Carries out a command that looks after a vault or store.
    pub(super) fn run_care(&mut self, fs: &FsRef, command: CareCommand) {
        match command {
            CareCommand::Show(part) => self.show_care(fs, part),
            CareCommand::Do(work) => {
                if work.task() != Task::Salvage {
                    self.show_care(fs, CarePart::Outcome);
                }
                // A wrong password stays in its field.
                if !matches!(work.task(), Task::Password | Task::Salvage) {
                    self.drafts.form.forget_secrets();
                }
                self.drafts.form.error = None;
                self.look_after(fs, work);
            }
            CareCommand::Stop => {
                if let Some(job) = self.care(fs).and_then(|care| care.job.as_ref()) {
                    job.control.cancel();
                }
            }
        }
    }

    fn care(&mut self, fs: &FsRef) -> Option<&mut Care> {
        Some(&mut self.state.filesystems.get_mut(fs)?.care)
    }

    fn shows_care(&self, fs: &FsRef) -> bool {
        matches!(&self.state.dialog, Some(Dialog::Care(shown) | Dialog::Salvage(shown)) if shown == fs)
    }

    fn show_care(&mut self, fs: &FsRef, part: CarePart) {
        let Some(info) = self.state.filesystems.get(fs) else {
            return;
        };
        let (kind, name) = (info.kind, info.name.clone());
        let shown = self.shows_care(fs);
        if !shown {
            self.drafts.begin_form(kind, self.home());
        }
        self.drafts.form.care = part;
        self.drafts.form.fresh = true;
        if part == CarePart::Backup && self.drafts.form.path.is_empty() {
            self.suggest_copy(kind, &name);
        }
        if shown {
            return;
        }
        self.state.dialog = Some(Dialog::Care(fs.clone()));
        self.look_after(fs, Work::Look);
    }

    /// Where a copy may go: home, by a name that tells of what and when.
    fn suggest_copy(&mut self, kind: Kind, name: &str) {
        let Some(home) = self.home() else {
            return;
        };
        let (stem, extension) = match kind {
            Kind::Vault => (name.strip_suffix(".db").unwrap_or(name), ".db"),
            _ => (name, ""),
        };
        let now = Zoned::now().strftime("%Y-%m-%d %H.%M").to_string();
        let path = home.join(format!("{stem} {now}{extension}"));
        self.drafts.form.path = path.to_string_lossy().into_owned();
    }

    /// Asks where what can be read of a damaged filesystem shall be saved.
    pub(super) fn ask_salvage(&mut self, fs: &FsRef) {
        let Some(info) = self.state.filesystems.get_mut(fs) else {
            return;
        };
        info.care.outcome = None;
        // A second time, it goes beside the first.
        let now = Zoned::now().strftime("%Y-%m-%d %H.%M");
        let name = format!("{}, what could be read {now}", info.name);
        let (kind, may_have_password) = (info.kind, info.is_locked() || info.encrypted);
        let home = self.home();
        self.drafts.begin_form(kind, home.clone());
        self.drafts.form.encrypt = may_have_password;
        if let Some(home) = home {
            self.drafts.form.path = home.join(name).to_string_lossy().into_owned();
        }
        self.state.dialog = Some(Dialog::Salvage(fs.clone()));
    }

    /// Begins to do something, unless something is being done already.
    fn look_after(&mut self, fs: &FsRef, work: Work) {
        let Some(info) = self.state.filesystems.get(fs) else {
            return;
        };
        if info.care.is_busy() {
            return;
        }
        let task = work.task();
        // Damaged files are read past their filesystem, which nobody may have open then.
        let closes = task == Task::Salvage && info.is_open();
        if closes && !self.close_to_save(fs) {
            return;
        }
        let Some(care) = self.care(fs) else {
            return;
        };
        let job = Job {
            task,
            control: Default::default(),
            id: Generation::fresh(),
            reopens: closes,
        };
        if job.task != Task::Look {
            care.outcome = None;
        }
        care.job = Some(job.clone());
        let request = Request::Care(fs.clone(), job.id, work, job.control);
        if closes {
            self.after_closing.insert(fs.clone(), request);
        } else {
            self.background.send(request);
        }
    }

    /// Closes a filesystem, whose tabs wait until it is opened again. `false`: not now, and it was said why.
    fn close_to_save(&mut self, fs: &FsRef) -> bool {
        if let Some(why) = self.holds_open(fs) {
            self.drafts.form.error = Some(why);
            return false;
        }
        let Some(care) = self.care(fs) else {
            return false;
        };
        let (known, found) = (care.is_damaged(), care.found.take());
        self.shut(fs, FsStatus::Opening);
        if let Some(info) = self.state.filesystems.get_mut(fs) {
            info.care.unreadable = known;
            // What was found names what is in it.
            info.care.found = found.filter(|_| !info.encrypted);
        }
        true
    }

    /// A filesystem is closed: what waited for that begins, if it is still wanted.
    pub(super) fn closed(&mut self, fs: &FsRef) {
        let Some(request) = self.after_closing.remove(fs) else {
            return;
        };
        let job = self.care(fs).and_then(|care| care.job.as_ref());
        let is_wanted =
            matches!((&request, job), (Request::Care(_, id, ..), Some(job)) if job.id == *id);
        if is_wanted {
            self.background.send(request);
        }
    }

    /// Something in a filesystem could not be read: notes whether that is because it is damaged.
    pub(super) fn note_damage(&mut self, fs: &FsRef, error: &Error) {
        if error.kind() == ErrorKind::Corrupted
            && let Some(care) = self.care(fs)
        {
            care.unreadable = true;
        }
    }

    /// What came of a job.
    pub(super) fn cared(&mut self, fs: &FsRef, id: Generation, news: CareNews) {
        let shown = self.shows_care(fs);
        let Some(info) = self.state.filesystems.get_mut(fs) else {
            return;
        };
        let care = &mut info.care;
        if care.job.as_ref().is_none_or(|job| job.id != id) {
            return;
        }
        let reopens = care.job.take().is_some_and(|job| job.reopens);
        if news.info.is_some() {
            care.info = news.info;
        }
        let Some(outcome) = news.outcome else {
            return;
        };
        let told = (!shown).then(|| {
            (
                level(&outcome),
                format!("{}: {}", info.name, words(&outcome)),
            )
        });
        let repaired = matches!(&outcome, Outcome::Checked(found) if found.repaired > 0);
        let was_wrong = matches!(&outcome, Outcome::Failed(Task::Password, error) if error.kind() == ErrorKind::WrongPassword);
        let form = &mut self.drafts.form;
        match &outcome {
            _ if !shown => {}
            _ if was_wrong => {
                form.care = CarePart::Password;
                form.wrong = true;
                form.fresh = true;
            }
            // What was typed stays, to be put right.
            Outcome::Failed(Task::Backup, error) => {
                form.care = CarePart::Backup;
                form.error = Some(crate::ui::backup_sentence(error));
                form.fresh = true;
            }
            Outcome::Failed(Task::Salvage, error) => {
                form.encrypt |= matches!(
                    error.kind(),
                    ErrorKind::PasswordNeeded | ErrorKind::WrongPassword
                );
                form.error = Some(crate::ui::salvage_sentence(error));
                form.fresh = true;
            }
            _ => form.forget_secrets(),
        }
        if matches!(outcome, Outcome::PasswordChanged)
            && let Some(saved) = &mut info.saved
        {
            // It was saved with it.
            saved.encrypted = true;
            info.encrypted |=
                matches!(info.location.root(), Root::Saved(own) if *own == saved.path);
            info.unsaved = false;
        }
        match &outcome {
            Outcome::Checked(found) => {
                care.found = Some(found.clone());
                // It read everything.
                care.unreadable = false;
            }
            Outcome::Failed(task, error) => {
                let is_damaged = error.kind() == ErrorKind::Corrupted;
                care.unreadable |= *task != Task::Salvage && is_damaged;
            }
            _ => {}
        }
        care.outcome = Some(outcome);
        if reopens {
            // What has a password waits for it.
            self.mount(fs, None);
        }
        if let Some((level, text)) = told {
            self.note(level, text);
        }
        if repaired {
            self.list_again(fs);
        }
    }

    /// What could not be listed or shown before may be there now.
    fn list_again(&mut self, fs: &FsRef) {
        let tabs = self.state.workspace.tabs_of(fs).map(|tab| tab.id);
        for tab in tabs.collect::<Vec<_>>() {
            self.list(tab, false);
        }
        if matches!(self.state.preview.load, PreviewLoad::Failed(_)) {
            self.state.preview.want(None);
        }
    }
}

fn level(outcome: &Outcome) -> Level {
    match outcome {
        Outcome::Checked(found) if found.serious > 0 => Level::Error,
        Outcome::Salvaged(_, report) if !report.is_whole() => Level::Error,
        Outcome::Failed(..) => Level::Error,
        Outcome::Stopped(_) => Level::Note,
        _ => Level::Done,
    }
}

/// What came of a job, for who has closed the dialog meanwhile.
fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Checked(found) if found.serious > 0 => {
            "the check found damage; see Vault > Info and condition".to_owned()
        }
        Outcome::Checked(_) => "the check found no damage".to_owned(),
        Outcome::Compacted(_) => "unused space was given back".to_owned(),
        Outcome::Collected(_) => "garbage was collected".to_owned(),
        Outcome::BackedUp(path) => format!("backed up to {}", path.display()),
        Outcome::PasswordChanged => "the password was changed".to_owned(),
        Outcome::Salvaged(to, _) => format!("what could be read is in {}", to.display()),
        Outcome::Stopped(task) => format!("{} was stopped", task.running().to_lowercase()),
        Outcome::Failed(task, error) => crate::ui::error_sentence(task.failed(), error),
    }
}
