// What programs that live off the API see of it: an informer as controllers have it, which prints a line for whatever it
// comes to know, and a writer. Whether it lists by watching is KUBE_FEATURE_WatchListClient, as in every client of that kind.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	usage    = "usage: informer watch | informer write NAME COUNT"
	label    = "watched"
	selector = label + "=yes"
)

func main() {
	// Without a kubeconfig it is the pod's own service account.
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		fail(err)
	}
	config.QPS = 1000
	config.Burst = 1000
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		fail(err)
	}
	switch {
	case len(os.Args) == 2 && os.Args[1] == "watch":
		err = watch(client)
	case len(os.Args) == 4 && os.Args[1] == "write":
		err = write(client, os.Args[2], os.Args[3])
	default:
		err = errors.New(usage)
	}
	if err != nil {
		fail(err)
	}
}

// tell prints a line with the time before it.
func tell(format string, values ...any) {
	fmt.Printf(time.Now().UTC().Format("15:04:05.000 ")+format+"\n", values...)
}

// watch tells "known NAME VALUE" for each state of a ConfigMap that it sees, "gone NAME", and "error TEXT".
func watch(client kubernetes.Interface) error {
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0,
		informers.WithNamespace(metav1.NamespaceDefault),
		informers.WithTweakListOptions(func(options *metav1.ListOptions) { options.LabelSelector = selector }))
	informer := factory.Core().V1().ConfigMaps().Informer()
	known := func(object any) {
		configMap := object.(*corev1.ConfigMap)
		tell("known %s %s", configMap.Name, configMap.Data["value"])
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    known,
		UpdateFunc: func(_, object any) { known(object) },
		DeleteFunc: func(object any) {
			if unknown, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = unknown.Obj
			}
			tell("gone %s", object.(*corev1.ConfigMap).Name)
		},
	})
	if err != nil {
		return err
	}
	if err := informer.SetWatchErrorHandler(func(_ *cache.Reflector, err error) { tell("error %q", err) }); err != nil {
		return err
	}
	informer.Run(context.Background().Done())
	return nil
}

// write sets the value of a ConfigMap to 1, 2, … COUNT, one after the other.
func write(client kubernetes.Interface, name, count string) error {
	times, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	configMaps := client.CoreV1().ConfigMaps(metav1.NamespaceDefault)
	for value := 1; value <= times; value++ {
		configMap := &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{label: "yes"}},
			Data:       map[string]string{"value": strconv.Itoa(value)},
		}
		_, err := configMaps.Update(context.Background(), configMap, metav1.UpdateOptions{})
		if apierrors.IsNotFound(err) {
			_, err = configMaps.Create(context.Background(), configMap, metav1.CreateOptions{})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
