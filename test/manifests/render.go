// SPDX-License-Identifier: Apache-2.0

// render.go CHART NAMESPACE [VALUES] - what "helm template --namespace NAMESPACE --values VALUES" prints, for a chart whose templates
// use nothing but text/template, which is what helm itself renders with. A function of helm's own, or a value that does not exist, is
// an error here.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"gopkg.in/yaml.v3"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "render.go:", err)
		os.Exit(1)
	}
}

func read(path string) map[string]interface{} {
	text, err := os.ReadFile(path)
	check(err)
	tree := map[string]interface{}{}
	check(yaml.Unmarshal(text, &tree))
	return tree
}

// merge lays OVER on UNDER, as helm coalesces values: mappings are merged, everything else is replaced.
func merge(under, over map[string]interface{}) {
	for key, value := range over {
		below, isMap := under[key].(map[string]interface{})
		above, alsoMap := value.(map[string]interface{})
		if isMap && alsoMap {
			merge(below, above)
		} else {
			under[key] = value
		}
	}
}

func main() {
	chart, namespace := os.Args[1], os.Args[2]
	values := read(filepath.Join(chart, "values.yaml"))
	if len(os.Args) > 3 {
		merge(values, read(os.Args[3]))
	}
	about := read(filepath.Join(chart, "Chart.yaml"))
	data := map[string]interface{}{
		"Values":  values,
		"Release": map[string]interface{}{"Name": "zen-lead", "Namespace": namespace, "Service": "Helm", "Revision": 1},
		"Chart":   map[string]interface{}{"Name": about["name"], "Version": about["version"], "AppVersion": about["appVersion"]},
	}
	files, err := filepath.Glob(filepath.Join(chart, "templates", "*.yaml"))
	check(err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		check(err)
		parsed, err := template.New(filepath.Base(file)).Option("missingkey=error").Parse(string(text))
		check(err)
		var out strings.Builder
		check(parsed.Execute(&out, data))
		if strings.TrimSpace(out.String()) != "" {
			fmt.Printf("---\n%s\n", out.String())
		}
	}
}
