//! Tests that need a Docker Engine (`DOCKER_HOST`), and those that start one of their own.

mod agent;
mod basics;
mod exec;
mod logs;
mod pipes;
mod pull;
mod restart;
