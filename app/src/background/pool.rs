//! Threads for one filesystem. A mount that hangs keeps its own threads waiting and nobody else's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, unbounded};

/// Work for a pool.
pub type Job = Box<dyn FnOnce() + Send>;

/// Threads that share one queue; they end when the pool is dropped and the queue is empty.
pub struct Pool {
    jobs: Sender<Job>,
    queue: Receiver<Job>,
    idle: Arc<AtomicUsize>,
    threads: usize,
    most_threads: usize,
    name: String,
}

impl Pool {
    /// A pool without threads; they are started as work needs them.
    pub fn new(name: impl Into<String>, most_threads: usize) -> Self {
        let (jobs, queue) = unbounded();
        Self {
            jobs,
            queue,
            idle: Arc::default(),
            threads: 0,
            most_threads,
            name: name.into(),
        }
    }

    /// Queues work; never waits.
    pub fn run(&mut self, job: Job) {
        if self.jobs.send(job).is_err() {
            return;
        }
        let waiting = self.queue.len();
        if waiting > self.idle.load(Ordering::Acquire) && self.threads < self.most_threads {
            self.start_thread();
        }
    }

    fn start_thread(&mut self) {
        let (queue, idle) = (self.queue.clone(), self.idle.clone());
        let started = std::thread::Builder::new()
            .name(format!("{}-{}", self.name, self.threads))
            .spawn(move || {
                loop {
                    idle.fetch_add(1, Ordering::AcqRel);
                    let job = queue.recv();
                    idle.fetch_sub(1, Ordering::AcqRel);
                    match job {
                        Ok(job) => job(),
                        Err(_) => return,
                    }
                }
            });
        match started {
            Ok(_) => self.threads += 1,
            Err(error) => tracing::error!("can't start a thread: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_hangs_does_not_stop_the_next() {
        let mut pool = Pool::new("test", 2);
        let (let_go, hang) = unbounded::<()>();
        let (done, seen) = unbounded();
        pool.run(Box::new(move || assert!(hang.recv().is_err())));
        pool.run(Box::new(move || done.send(1).unwrap()));
        assert_eq!(seen.recv(), Ok(1));
        drop(let_go);
    }
}
