// What a process that Landlock confines may do with files (landlock(7)).
#pragma once

/// The rights of one rule, over a file or over a folder with all that is below it.
enum isl_access {
  ISL_ACCESS_READ, // to be read and executed
  ISL_ACCESS_LOOK, // to be read
  ISL_ACCESS_WRITE, // all but to make devices
  ISL_ACCESS_DEVICE, // a device, to be read and written
};
