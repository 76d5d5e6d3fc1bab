//! x
#![allow(missing_docs)]
use worker::*;

#[event(fetch)]
async fn fetch(_request: Request, env: Env, _context: Context) -> Result<Response> {
    env.durable_object("JOBS")?.get_by_name("x")?.fetch_with_str("https://x/").await
}

#[durable_object(alarm)]
pub struct JobObject { state: State }
impl DurableObject for JobObject {
    fn new(state: State, _env: Env) -> Self { Self { state } }
    async fn fetch(&self, _req: Request) -> Result<Response> {
        self.state.storage().put("a", 1).await?;
        Response::ok(format!("{:?}", self.state.storage().get::<u32>("a").await?))
    }
    async fn alarm(&self) -> Result<Response> { Response::empty() }
}
#[durable_object(alarm)]
pub struct AccountObject { state: State }
impl DurableObject for AccountObject {
    fn new(state: State, _env: Env) -> Self { Self { state } }
    async fn fetch(&self, _req: Request) -> Result<Response> {
        self.state.storage().put("a", 1).await?;
        Response::ok("x")
    }
    async fn alarm(&self) -> Result<Response> { Response::empty() }
}
