import { backup, refuses } from "./refusal.ts";

refuses("backups", [
  {
    name: "a schedule of three fields",
    config: backup({ schedule: "* * *" }),
    problems: [
      'k3s-ha:backup.schedule is "* * *", but has to be a cron expression of five fields, and this has 3: write minute, hour, day of month, month and day of week, such as "17 * * * *".',
    ],
  },
  {
    name: "a schedule of six fields",
    config: backup({ schedule: "0 17 * * * *" }),
    problems: [
      'k3s-ha:backup.schedule is "0 17 * * * *", but has to be a cron expression of five fields, and this has 6: write minute, hour, day of month, month and day of week, such as "17 * * * *".',
    ],
  },
  {
    name: "a schedule's macro",
    config: backup({ schedule: "@hourly" }),
    problems: [
      'k3s-ha:backup.schedule is "@hourly", but has to be a cron expression of five fields, and this has 1: write minute, hour, day of month, month and day of week, such as "17 * * * *".',
    ],
  },
  {
    name: "a schedule that is left to chance",
    config: backup({ schedule: "H * * * *" }),
    problems: [
      'k3s-ha:backup.schedule is "H * * * *", but has to say its times, and "H" leaves one to chance, another in every run: write the number itself.',
    ],
  },
  {
    name: "a schedule out of range",
    config: backup({ schedule: "60 * * * *" }),
    problems: [
      'k3s-ha:backup.schedule is "60 * * * *", but has to be a valid cron expression (Constraint error, got value 60 expected range 0-59): correct that field.',
    ],
  },
  {
    name: "a schedule that never fires",
    config: backup({ schedule: "0 0 30 2 *" }),
    problems: [
      'k3s-ha:backup.schedule is "0 0 30 2 *" and never fires in the next 5 years, so no backup would ever be taken: choose a day that its month has.',
    ],
  },
  {
    name: "a schedule that is no text",
    config: backup({ schedule: 17 }),
    problems: [
      'k3s-ha:backup.schedule is 17, but has to be a cron expression: write it in quotes, such as "17 * * * *".',
    ],
  },
  {
    name: "no backups kept",
    config: backup({ keep: 0 }),
    problems: [
      "k3s-ha:backup.keep is 0, but has to be a whole number of at least 1: write how many verified backups are kept.",
    ],
  },
  {
    name: "half a backup kept",
    config: backup({ keep: 1.5 }),
    problems: [
      "k3s-ha:backup.keep is 1.5, but has to be a whole number of at least 1: write how many verified backups are kept.",
    ],
  },
  {
    name: "a relative directory of backups",
    config: backup({ directory: "backups" }),
    problems: [
      'k3s-ha:backup.directory is "backups", but has to be an absolute path of letters, digits, "-", "_", "." and "/": write it like /var/backups/k3s-ha.',
    ],
  },
]);
