//! The part that drivers share, with tasks that are real.

use std::sync::Arc;
use std::time::Duration;

use encamp_driver::{Error, ExitResult, TaskConfig, TaskState};
use encamp_executor::tasks::Tasks;

use crate::support::{Bed, PATIENCE, eventually, within};

fn config(bed: &Bed) -> TaskConfig {
    TaskConfig {
        id: "a/task/1".into(),
        name: "task".into(),
        alloc_id: "a".into(),
        job_id: "job".into(),
        job_name: "job".into(),
        task_group_name: "group".into(),
        namespace: "default".into(),
        node_name: "node".into(),
        node_id: "1".into(),
        alloc_dir: bed.dir.path().to_owned(),
        ..TaskConfig::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_starts_of_one_id_at_once_one_goes_on() {
    let bed = Bed::new();
    let tasks = Arc::new(Tasks::new(bed.executor.clone()));
    let (config, plan) = (config(&bed), bed.script("echo started; exec sleep 60"));
    for _ in 0..5 {
        drop(std::fs::remove_file(bed.logs().join("task.stdout.0")));
        let starts: Vec<_> = (0..8)
            .map(|_| {
                let (tasks, config, plan) = (Arc::clone(&tasks), config.clone(), plan.clone());
                tokio::spawn(async move { tasks.start(&config, &plan).await })
            })
            .collect();
        let mut started = 0;
        for start in starts {
            match within("a start", start).await.unwrap() {
                Ok(_) => started += 1,
                Err(error) => assert!(matches!(error, Error::TaskExists(_)), "{error}"),
            }
        }
        assert_eq!(started, 1);
        eventually("output", || match bed.stdout() {
            text if text == "started\n" => Ok(()),
            text => Err(text),
        })
        .await;
        tasks.destroy(&config.id, true).await.unwrap();
    }
}

#[tokio::test]
async fn a_start_that_is_broken_off_gives_the_id_back_and_is_taken_over_by_the_next() {
    let bed = Bed::new();
    let tasks = Tasks::new(bed.executor.clone());
    let (config, plan) = (config(&bed), bed.script("exec sleep 60"));
    for patience in [0, 200, 1_000, 3_000] {
        let start = tasks.start(&config, &plan);
        // However far it got.
        drop(tokio::time::timeout(Duration::from_micros(patience), start).await);
        match tasks.start(&config, &plan).await {
            Ok(_) | Err(Error::TaskExists(_)) => {}
            Err(error) => panic!("{}", error.chain()),
        }
        assert_eq!(tasks.inspect(&config.id).await.unwrap().state, TaskState::Running);
        tasks.destroy(&config.id, true).await.unwrap();
    }
}

#[tokio::test]
async fn destroying_twice_at_once_forgets_one_task_only() {
    let bed = Bed::new();
    let tasks = Tasks::new(bed.executor.clone());
    let (config, plan) = (config(&bed), bed.script("exit 4"));
    tasks.start(&config, &plan).await.unwrap();
    assert_eq!(
        within("the end", tasks.wait(&config.id)).await.unwrap(),
        ExitResult::code(4)
    );
    let (one, other) = tokio::join!(tasks.destroy(&config.id, false), tasks.destroy(&config.id, false));
    for destroyed in [one, other] {
        assert!(
            matches!(destroyed, Ok(()) | Err(Error::TaskNotFound(_))),
            "{destroyed:?}"
        );
    }
    assert!(matches!(tasks.wait(&config.id).await, Err(Error::TaskNotFound(_))));
    tasks.start(&config, &plan).await.unwrap();
    tokio::time::timeout(PATIENCE, tasks.wait(&config.id))
        .await
        .unwrap()
        .unwrap();
    tasks.destroy(&config.id, false).await.unwrap();
}
