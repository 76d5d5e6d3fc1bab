// No client: the least that its requests cost. `requests` is how many a job has.
export function connect(base, requests = 1) {
  return async (image, signal) => {
    const headers = { authorization: "Bearer key", "content-type": "application/json" };
    const body = JSON.stringify({ model: "recraft/crisp-upscale", input: { image } });
    const created = await fetch(`${base}/api/v1/jobs/createTask`, { method: "POST", headers, body, signal });
    let { data } = await created.json();
    for (let nth = 1; nth < requests; nth += 1) {
      const url = `${base}/api/v1/jobs/recordInfo?taskId=${data.taskId}`;
      ({ data } = await (await fetch(url, { headers, signal })).json());
    }
    return data.resultJson && JSON.parse(data.resultJson).resultUrls[0];
  };
}
