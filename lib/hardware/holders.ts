/** Who has a device open. @module */

/** Majors and minors lie in a device's number as glibc's `makedev` packs them. */
const majorOf = (device: number) => Math.floor(device / 2 ** 8) & 0xfff;
const minorOf = (device: number) => (device & 0xff) | (Math.floor(device / 2 ** 12) & 0xfff00);

/**
 * The processes that hold a device file, for people: `picocom (process 812)`. Those that locked it come first; others
 * are found where this user may see them, which for other users' processes only root may. Empty where nobody is found.
 */
export async function holdersOf(path: string, procfs = "/proc"): Promise<string[]> {
  try {
    const lockers = await lockersOf(path, procfs);
    const found = lockers.length > 0 ? lockers : await openersOf(path, procfs);
    return await Promise.all(found.map((pid) => nameOf(pid, procfs)));
  } catch {
    return []; // It is gone meanwhile, or there is no such file system.
  }
}

/** `1: FLOCK  ADVISORY  WRITE 812 00:06:93 0 EOF` */
async function lockersOf(path: string, procfs: string): Promise<number[]> {
  const { dev, ino } = await Deno.stat(path);
  const hex = (part: number) => part.toString(16).padStart(2, "0");
  const file = `${hex(majorOf(dev))}:${hex(minorOf(dev))}:${ino}`;
  const lines = (await Deno.readTextFile(`${procfs}/locks`)).split("\n").map((line) => line.split(/\s+/));
  return lines.filter((words) => words[1] !== "->" && words[5] === file).map((words) => Number(words[4]));
}

async function openersOf(path: string, procfs: string): Promise<number[]> {
  const device = await Deno.realPath(path);
  const found: number[] = [];
  for await (const { name } of Deno.readDir(procfs)) {
    if (/^\d+$/.test(name) && await hasOpen(`${procfs}/${name}/fd`, device)) found.push(Number(name));
  }
  return found;
}

async function hasOpen(folder: string, device: string): Promise<boolean> {
  try {
    for await (const { name } of Deno.readDir(folder)) {
      if (await Deno.readLink(`${folder}/${name}`).catch(() => "") === device) return true;
    }
  } catch { /* somebody else's, or it has ended */ }
  return false;
}

async function nameOf(pid: number, procfs: string): Promise<string> {
  if (pid === Deno.pid) return "this process itself";
  const name = await Deno.readTextFile(`${procfs}/${pid}/comm`).catch(() => "");
  return name ? `${name.trim()} (process ${pid})` : pid > 0 ? `process ${pid}` : "a process outside this container";
}
