/* after.c - linked behind the Go archive by build.sh: its constructor runs
 * after Go's start and gives the loading thread its signals back
 * (shim_linux.c took them). It is no part of package cshim. */
#include <pthread.h>
#include <signal.h>

extern sigset_t shim_mask_of_loader;

__attribute__((constructor)) static void shim_after_go(void)
{
    pthread_sigmask(SIG_SETMASK, &shim_mask_of_loader, NULL);
}
