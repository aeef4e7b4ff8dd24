// SPDX-License-Identifier: Apache-2.0

// zl-peer - a candidate of client-go's leader election, for the tests of `zen-lead elect` on the same Lease.
//
// While it leads it does what test/e2e/peer.bats has zen-lead's command do: it holds a file lock in its working folder, adds
// "TOKEN BOOT-SECONDS" to the file starts once and to the file beats as long as it acts, and its token to the file clashes
// when another holds that lock. SIGTERM ends its work first and gives the Lease back afterwards. Its token is the Lease's
// leaseTransitions.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

const beatEvery = 10 * time.Millisecond

// note adds a line to a file of the working folder.
func note(file string, line string) {
	out, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		log.Fatal(err)
	}
	defer out.Close()
	if _, err = fmt.Fprintln(out, line); err != nil {
		log.Fatal(err)
	}
}

// uptime is the boot clock in seconds, as text.
func uptime() string {
	text, err := os.ReadFile("/proc/uptime")
	if err != nil {
		log.Fatal(err)
	}
	return strings.Fields(string(text))[0]
}

// act until stop is closed, by the right of the Lease whose transitions are token.
func act(token int, stop <-chan struct{}) {
	lock, err := os.OpenFile("lock", os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		log.Fatal(err)
	}
	defer lock.Close()
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		note("clashes", fmt.Sprint(token))
	}
	note("starts", fmt.Sprint(token, " ", uptime()))
	for {
		note("beats", fmt.Sprint(token, " ", uptime()))
		select {
		case <-stop:
			return
		case <-time.After(beatEvery):
		}
	}
}

func main() {
	kubeconfig := flag.String("kubeconfig", os.Getenv("KUBECONFIG"), "the cluster")
	namespace := flag.String("namespace", "default", "of the Lease")
	lease := flag.String("lease", "", "its name")
	identity := flag.String("identity", "", "of this candidate")
	leaseDuration := flag.Duration("lease-duration", 15*time.Second, "as client-go has it")
	renewDeadline := flag.Duration("renew-deadline", 10*time.Second, "as client-go has it")
	retryPeriod := flag.Duration("retry-period", 2*time.Second, "as client-go has it")
	flag.Parse()

	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		log.Fatal(err)
	}
	lock := &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: *namespace, Name: *lease},
		Client:     coordination.NewForConfigOrDie(config),
		LockConfig: resourcelock.ResourceLockConfig{Identity: *identity},
	}
	ctx, cancel := context.WithCancel(context.Background())
	stop, stopped := make(chan struct{}), make(chan struct{})
	lead := func(ctx context.Context) {
		defer close(stopped)
		record, _, err := lock.Get(ctx)
		if err != nil || record.HolderIdentity != *identity {
			log.Fatal("cannot read the Lease that was acquired: ", err)
		}
		act(record.LeaderTransitions, stop)
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock:            lock,
		LeaseDuration:   *leaseDuration,
		RenewDeadline:   *renewDeadline,
		RetryPeriod:     *retryPeriod,
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: lead,
			OnStoppedLeading: func() {
				if ctx.Err() == nil {
					log.Fatal("lost") // nothing of it may go on
				}
			},
			OnNewLeader: func(leader string) { log.Print("leader: ", leader) },
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		<-signals
		close(stop)
		if elector.IsLeader() {
			<-stopped
		}
		cancel()
	}()
	elector.Run(ctx)
}
