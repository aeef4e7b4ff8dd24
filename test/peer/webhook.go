// SPDX-License-Identifier: Apache-2.0

// zl-webhook-peer - a webhook as people write them in Go: net/http, Kubernetes' own types for the review and the pod. For test/bench/webhook.sh.
//
// It decides by one label and keeps nothing; every review is decoded whole, as controller-runtime does.
package main

import (
	"encoding/json"
	"flag"
	"io"
	"log"
	"net/http"

	admission "k8s.io/api/admission/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func review(writer http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		http.Error(writer, err.Error(), http.StatusBadRequest)
		return
	}
	var asked admission.AdmissionReview
	if err = json.Unmarshal(body, &asked); err != nil || asked.Request == nil {
		http.Error(writer, "no review", http.StatusBadRequest)
		return
	}
	var pod core.Pod
	if err = json.Unmarshal(asked.Request.Object.Raw, &pod); err != nil {
		http.Error(writer, err.Error(), http.StatusBadRequest)
		return
	}
	response := &admission.AdmissionResponse{UID: asked.Request.UID, Allowed: pod.Labels["app"] != "guarded"}
	if !response.Allowed {
		response.Result = &metav1.Status{Code: http.StatusForbidden, Message: "another pod of this pool leads"}
	}
	answer, err := json.Marshal(admission.AdmissionReview{TypeMeta: asked.TypeMeta, Response: response})
	if err != nil {
		http.Error(writer, err.Error(), http.StatusInternalServerError)
		return
	}
	writer.Header().Set("Content-Type", "application/json")
	if _, err = writer.Write(answer); err != nil {
		log.Print(err)
	}
}

func main() {
	address := flag.String("address", "127.0.0.1:8443", "to listen on")
	certificate := flag.String("cert-file", "", "its certificate")
	key := flag.String("key-file", "", "the key of that")
	flag.Parse()
	http.HandleFunc("/", review)
	log.Fatal(http.ListenAndServeTLS(*address, *certificate, *key, nil))
}
