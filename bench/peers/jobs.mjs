// What jobs take of the processor, in a process of their own. Arguments: the client, where it is to be pointed, how
// many jobs, how many at a time, and how many requests each has where there is no client.
const [, , name, base, jobs, atATime, requests] = process.argv;
const { connect } = await import(`./${name}.mjs`);
const upscale = connect(base, requests && Number(requests), "token");

async function run(count) {
  let left = count;
  const work = async () => {
    while (left > 0) {
      left -= 1;
      await upscale("https://host.example/photo.jpg", new AbortController().signal);
    }
  };
  await Promise.all(Array.from({ length: Number(atATime) }, work));
}

// What is compiled only once, and what the client learns of how long jobs take.
await run(Number(jobs) / 2);
const before = process.cpuUsage();
process.send({ ready: true });
await run(Number(jobs));
const { user, system } = process.cpuUsage(before);
process.send({ microseconds: (user + system) / Number(jobs) });
process.disconnect();
