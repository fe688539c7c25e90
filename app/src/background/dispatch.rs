//! Which thread does what is asked for, and what is answered.

use super::message::{self, Event, Request};
use super::{
    Background, activate, arrange, care, changes, desktop, files, folders, follow, open, preview,
    properties, save, search, snapshots, stack,
};

impl Background {
    /// Sends a request; never waits.
    pub fn send(&mut self, request: Request) {
        let outbox = self.outbox.clone();
        match request {
            Request::Settle { location, open_in } => self.house(move || {
                let result = activate::settle(&location);
                outbox.send(Event::Settled {
                    location,
                    result,
                    open_in,
                });
            }),
            Request::Mount {
                fs,
                location,
                secret,
                read_only,
                hidden,
                accept_base,
            } => {
                let mounts = self.mounts.clone();
                let seen = self.seen.clone();
                let how = open::How {
                    secret,
                    read_only,
                    hidden,
                    accept_base,
                };
                self.on(&fs.clone(), move || {
                    let result = open::mount(&mounts, &seen, &fs, &location, how);
                    outbox.send(Event::Mounted { fs, result });
                });
            }
            Request::Create { new, secret } => {
                self.house(move || outbox.send(Event::Created(open::create(&new, secret))));
            }
            Request::Unmount(fs) => {
                let (mounts, watchers) = (self.mounts.clone(), self.watchers.clone());
                let (operations, seen) = (self.operations.clone(), self.seen.clone());
                self.on(&fs.clone(), move || {
                    watchers.forget_filesystem(&fs);
                    operations.release(&fs, &outbox);
                    let result = mounts.remove(&fs).map_or(Ok(()), |mount| {
                        seen.leave(&mount.parts);
                        mount.backend.close()
                    });
                    outbox.send(Event::Unmounted(fs, result));
                });
            }
            Request::Save(fs, path, over, secret) => {
                let mounts = self.mounts.clone();
                self.on(&fs.clone(), move || {
                    let result = save::save(&mounts, &fs, &path, over, secret.as_ref());
                    outbox.send(Event::Saved(fs, path, result));
                });
            }
            Request::List(request) => self.list(request),
            Request::Search(request) => {
                let below = (request.below.tab, request.below.generation);
                self.find(
                    &request.below.place.fs.clone(),
                    below,
                    move |backend, watchers, outbox| {
                        search::search(backend, &request, watchers, outbox);
                    },
                );
            }
            Request::Follow(request) => {
                let below = &request.search.below;
                let (fs, asked) = (below.place.fs.clone(), (below.tab, below.generation));
                self.find(&fs, asked, move |backend, watchers, outbox| {
                    follow::follow(backend, &request, watchers, outbox);
                });
            }
            Request::Arrange {
                tab,
                generation,
                view,
                arrange,
                fs,
            } => self.on(&fs, move || {
                let streaming = view.streaming;
                let mut view = arrange::Arranger::view_of(view.chunks(), &arrange);
                view.streaming = streaming;
                outbox.send(Event::View {
                    tab,
                    generation,
                    view,
                    folder: None,
                });
            }),
            Request::Activate {
                tab,
                place,
                open_in,
            } => self.with_backend(&place.fs.clone(), move |backend| {
                let result = backend.and_then(|backend| activate::activate(&*backend, &place));
                outbox.send(Event::Activated {
                    tab,
                    place,
                    open_in,
                    result,
                });
            }),
            Request::Properties {
                items,
                cancel,
                generation,
            } => {
                let mounts = self.mounts.clone();
                self.house(move || properties::read(&mounts, &items, &cancel, generation, &outbox));
            }
            Request::Changes {
                fs,
                sums,
                cancel,
                generation,
            } => self.with_backend(&fs.clone(), move |backend| {
                let result = backend.and_then(|backend| changes::find(&*backend, sums, &cancel));
                outbox.send(Event::Changes(fs, generation, result));
            }),
            Request::Checksum {
                place,
                cancel,
                generation,
            } => {
                let mounts = self.mounts.clone();
                self.on(&place.fs.clone(), move || {
                    properties::checksum(&mounts, &place, &cancel, generation, &outbox);
                });
            }
            Request::Attributes(wish, generation) => self.house(move || {
                outbox.send(Event::Attributes(generation, properties::operation(wish)));
            }),
            Request::Preview {
                place,
                cancel,
                generation,
            } => self.with_backend(&place.fs.clone(), move |backend| {
                let result =
                    backend.and_then(|backend| preview::read(&*backend, &place.path, &cancel));
                outbox.send(Event::Preview(generation, result));
            }),
            Request::Folders {
                place,
                cancel,
                generation,
            } => {
                let mounts = self.mounts.clone();
                self.on(&place.fs.clone(), move || {
                    // Nobody is told of a path that does not exist yet.
                    let names = folders::names(&mounts, &place, &cancel).unwrap_or_default();
                    outbox.send(Event::Folders(generation, names));
                });
            }
            Request::FreeName {
                tab,
                folder,
                wish,
                is_folder,
            } => self.with_backend(&folder.fs.clone(), move |backend| {
                let result = backend.and_then(|backend| files::free_name(&*backend, &folder, wish));
                outbox.send(Event::FreeName {
                    tab,
                    result,
                    is_folder,
                });
            }),
            Request::Device(folder) => self.with_backend(&folder.fs.clone(), move |backend| {
                let device = backend.and_then(|backend| files::device(&*backend, &folder.path));
                let device = device.ok();
                outbox.send(Event::Device(folder, device));
            }),
            Request::Forget(tab) => {
                let watchers = self.watchers.clone();
                self.house(move || watchers.forget(tab));
            }
            Request::Drop(view) => self.house(move || drop(view)),
            Request::OpenInProgram(path) => self.house(move || {
                if let Err(error) = opener::open(&path) {
                    outbox.send(Event::Note(desktop::no_program(&path, &error)));
                }
            }),
            Request::SetClipboardFiles(paths) => self.house(move || desktop::set_files(&paths)),
            Request::GetClipboardFiles(into) => {
                self.house(move || outbox.send(Event::ClipboardFiles(desktop::files(), into)));
            }
            Request::Pick(pick) => {
                let uses_portal = self.uses_portal;
                self.house(move || {
                    let has_dialog = uses_portal && desktop::has_file_dialog();
                    outbox.send(Event::Picked(if has_dialog {
                        desktop::pick(pick)
                    } else {
                        message::Picked::NoDialog(pick)
                    }));
                });
            }
            Request::UserFolders => {
                self.house(move || outbox.send(Event::UserFolders(files::user_folders())));
            }
            Request::Submit(op, operation) => {
                let operations = self.operations.clone();
                self.operate(move || operations.submit(op, operation));
            }
            Request::Answer(op, decisions) => {
                let operations = self.operations.clone();
                self.operate(move || operations.answer(op, decisions));
            }
            Request::Control(op, control) => {
                let operations = self.operations.clone();
                self.operate(move || operations.control(op, control));
            }
            Request::Leave(entry) => {
                let operations = self.operations.clone();
                self.operate(move || operations.leave(entry, &outbox));
            }
            Request::Adopt(fs) => {
                let operations = self.operations.clone();
                self.operate(move || operations.adopt(&fs, &outbox));
            }
            Request::Snapshots {
                fs,
                work,
                chosen,
                known,
                asked,
            } => self.with_backend(&fs.clone(), move |backend| {
                let news = snapshots::run(backend, &work, chosen, known, &asked.control);
                outbox.send(Event::Snapshots(fs, asked.id, news));
            }),
            Request::EditStack(fs, path, edit) => {
                self.house(move || {
                    let result = stack::edit(&path, &edit);
                    outbox.send(Event::StackEdited(fs, result));
                });
            }
            Request::Care(fs, id, work, control) => {
                let mounts = self.mounts.clone();
                self.on(&fs.clone(), move || {
                    let news = care::run(mounts.get(&fs), &work, &control);
                    outbox.send(Event::Care(fs, id, news));
                })
            }
            Request::Folder(fs, id, order) => self.folder(fs, id, order),
            Request::SaveSession(session) => {
                let folders = self.folders.clone();
                self.write(move || folders.save_session(&session));
            }
            Request::SaveSettings(settings) => {
                let folders = self.folders.clone();
                self.write(move || folders.save_settings(&settings));
            }
        }
    }
}
