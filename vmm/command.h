/* SPDX-License-Identifier: MIT */
/*
 * The subcommands of the program.
 */
#ifndef VMM_COMMAND_H
#define VMM_COMMAND_H

/*
 * argv[0] is the subcommand's name, argv[argc] is NULL. Returns the exit code of the process. Bad
 * use is one sentence on standard error and EXIT_HOST_FAILURE.
 */
typedef int (*command_t)(int argc, char **argv);

int command_run(int argc, char **argv);	     /* boots an image */
int command_check(int argc, char **argv);    /* says whether this host can */
int command_ps(int argc, char **argv);	     /* lists the VMs that run */
int command_ctl(int argc, char **argv);	     /* asks one of them something */
int command_snapshot(int argc, char **argv); /* writes one into a core file */
int command_pt(int argc, char **argv);	     /* looks into page tables */

#endif
